"""From picks to a map: a reference is projected, particles are matched to it, and put together in three dimensions."""
