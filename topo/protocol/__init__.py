"""What the daemon and its clients exchange: messages, request parameters, status, start-up."""
