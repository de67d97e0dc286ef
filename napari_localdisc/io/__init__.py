"""Images, masks, priors and reports, in and out of files."""
