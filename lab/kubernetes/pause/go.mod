module caravan.invalid/lab/pause

go 1.22
