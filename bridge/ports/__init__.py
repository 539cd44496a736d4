"""What the core asks of the outside, and what it gives to adapters. Types only, no behaviour."""
