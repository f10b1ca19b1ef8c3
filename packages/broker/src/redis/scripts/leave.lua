-- A gateway leaves by itself. KEYS[1] partition base   ARGV gateway, channels per call, idle ttl
-- Reply: 1 when done, 0 when there is more.
--@include channel
--@include occupancy
--@include interest
return remove_gateway(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
