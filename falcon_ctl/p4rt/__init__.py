"""P4Runtime for many switches: encoding, schema, entities, client, switch (in this order)."""
