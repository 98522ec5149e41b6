"""The compiler's middle: a typed program becomes a typed intermediate representation (`ir`)."""
