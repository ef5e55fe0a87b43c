"""What of the votes cannot be believed, and which label model to trust."""
