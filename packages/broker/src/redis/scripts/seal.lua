-- The ends of the epochs before the present one are final: somebody goes on after them. What is stored behind them is published again. For a channel that
-- names none, `-` stands for all that it has forgotten.
-- KEYS[1] partition base   ARGV channels   Reply: 1.
--@include generation
local base = KEYS[1]
for _, channel in ipairs(ARGV) do
  local key = base .. 'c:' .. channel
  local state = redis.call('HMGET', key, 'e', 'p', 'g')
  if state[1] then
    local ended = ended_epochs(state[2])
    if #ended == 0 then ended[1] = { epoch = '-', last = 0, generation = state[3] or '' } end
    for _, one in ipairs(ended) do one.sealed = '!' end
    redis.call('HSET', key, 'p', text_of_ended(ended))
  end
end
return 1
