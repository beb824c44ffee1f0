"""Train a network as the spiking network that it will be, through time and through its neurons' surrogate gradients."""
