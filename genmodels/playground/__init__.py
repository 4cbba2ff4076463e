"""A GAN on points in the plane: laws to learn, losses, the model, exact measures, and sessions that a page drives."""
