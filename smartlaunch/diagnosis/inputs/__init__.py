"""What a person has in hand, read into material: a run, a HAR, an address, a body, text."""
