"""The dock widgets. They translate between what is seen and the core, and decide nothing."""
