"""The stack: images, compose, sites, the ComfyUI client, targets."""
