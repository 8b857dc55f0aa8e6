"""A run whose micrographs are picked by the workers of a cluster, through dask.distributed.

`order` is what workers are told, `worker` is what they do, `handing` hands out the micrographs, `places` is where
workers come from, and `team` is all of it, as a run sees it.
"""
