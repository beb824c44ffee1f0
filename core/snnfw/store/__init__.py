"""Store: measurements kept under the fingerprint of all that they depend on; what hashes or keeps comes in here."""
