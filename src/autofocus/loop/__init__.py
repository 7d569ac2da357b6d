"""The durable workflow and the policy; the only room that knows the order of the story."""
