-- The ends of the epochs before the present one are final: somebody goes on after them. What is stored behind them is published again.
-- KEYS[1] partition base   ARGV channels   Reply: 1.
--@include generation
local base = KEYS[1]
for _, channel in ipairs(ARGV) do
  local key = base .. 'c:' .. channel
  local list = redis.call('HGET', key, 'p')
  if list then
    local ended = ended_epochs(list)
    for _, one in ipairs(ended) do one.sealed = '!' end
    redis.call('HSET', key, 'p', text_of_ended(ended))
  end
end
return 1
