"""What Penstock runs on: the command line and the embedded infrastructure."""
