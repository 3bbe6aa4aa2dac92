"""Face pairs, autoencoders, losses, the training loop and the recipes behind the shipped weights."""
