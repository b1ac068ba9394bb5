"""What the material shows, as signals that rules weigh, by subject."""
