"""The job of the CCP-EM pipeliner, and so of Doppio; it runs `jobs.relion_job`. Nothing else knows the pipeliner."""
