module slipway/engines/pause

go 1.26
