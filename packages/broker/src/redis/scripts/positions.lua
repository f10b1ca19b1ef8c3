-- Newest positions of channels. KEYS[1] partition base   ARGV epoch for channels of an older generation, then channels
-- Reply   as settlement() says (state.lua), then per channel: epoch, seq, epochs before (see
--         generation.lua); '', 0 and '' for one without a state.
--@include channel
--@include generation
--@include state
local base = KEYS[1]
local replies = { settlement(base) }
local now, generation = tonumber(replies[4]), replies[5]
for at = 2, #ARGV do
  replies[#replies + 1], replies[#replies + 2], replies[#replies + 3] = current_state(base, ARGV[at], now, generation, ARGV[1])
end
return replies
