"""What makes a swapped crop fit its frame: colour transfer, mask, sharpening."""
