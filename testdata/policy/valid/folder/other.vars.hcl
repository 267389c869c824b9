at = "weekly"
