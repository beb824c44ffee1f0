"""The embedded scenes, which detection and segmentation share: only samples and networks may come in."""
