"""The mathematics by itself: pure functions on tensors, no page, no model, no global state."""
