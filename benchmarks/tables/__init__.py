"""One module a table of the papers: what it shows, and a function that gives its rows one by one."""
