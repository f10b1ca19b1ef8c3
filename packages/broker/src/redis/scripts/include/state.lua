-- The state of a channel as gateways are told it: epoch, seq, the epochs before it. Brings a channel of an older generation into the present one.
local function current_state(base, channel, now, generation, new_epoch)
  local state = redis.call('HMGET', base .. 'c:' .. channel, 'e', 's', 'g', 'p')
  if not state[1] then return '', 0, '' end
  if (state[3] or '') == generation then return state[1], tonumber(state[2]), state[4] or '' end
  local epoch = epoch_after(state[1], next_epoch(base, now, new_epoch))
  return epoch, 0, renew_channel(base, channel, state[1], state[2], epoch, generation)
end

-- What a reply with states begins with: generations that began with a loss, 1 when the ends of all epochs are settled, when this generation began,
-- what time it is, the generation, and the last one that was settled.
local function settlement(base)
  local meta = redis.call('HMGET', base .. 'meta', 'ls', 'q', 'g', 'rt')
  return meta[1] or '', (meta[2] and meta[2] == meta[3]) and 1 or 0, meta[4] or '0', string.format('%d', now_ms()), meta[3] or '', meta[2] or ''
end
