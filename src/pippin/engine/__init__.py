"""The heart: scheduler, batch, sampler."""
