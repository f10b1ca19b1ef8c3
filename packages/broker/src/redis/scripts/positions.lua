-- Newest positions of channels. KEYS[1] partition base   ARGV channels
-- Reply: epoch, seq per channel; '' and 0 for one without a state.
local base, replies = KEYS[1], {}
for at = 1, #ARGV do
  local state = redis.call('HMGET', base .. 'c:' .. ARGV[at], 'e', 's')
  replies[at * 2 - 1] = state[1] or ''
  replies[at * 2] = tonumber(state[2]) or 0
end
return replies
