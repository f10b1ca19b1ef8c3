-- `t` of a channel with history: `<ttl> <time>:<seq> <time>:<seq> ...`, how far the channel was at some times, two for each eighth of the ttl.
-- Each message is kept for the ttl, and at most an eighth longer: the expiry of the whole history goes by the newest one.

-- Cuts what is too old. Returns the marks that are left.
local function cut_old_history(base, channel, text, now)
  local ttl, marks = string.match(text or '', '^(%d+) (.*)$')
  if not ttl then return '' end
  local oldest, cut_up_to, left = now - tonumber(ttl), nil, {}
  for time, seq in string.gmatch(marks, '(%d+):(%d+)') do
    if tonumber(time) < oldest then cut_up_to = tonumber(seq) else left[#left + 1] = time .. ':' .. seq end
  end
  if not cut_up_to then return marks end
  redis.call('XTRIM', base .. 'h:' .. channel, 'MINID', string.format('%d-0', cut_up_to + 1))
  marks = table.concat(left, ' ')
  redis.call('HSET', base .. 'c:' .. channel, 't', ttl .. ' ' .. marks)
  return marks
end

-- Messages after the last mark and before this call came within an eighth of the ttl after it: a later one would have set another mark.
local function mark_history(base, channel, now)
  local ttl, name = channel.history_ttl, channel.name
  local marks = cut_old_history(base, name, redis.call('HGET', channel.key, 't'), now)
  local function add(time, seq)
    local mark = string.format('%d:%d', time, seq)
    marks = marks == '' and mark or marks .. ' ' .. mark
  end
  if not channel.fresh then add(math.min(now, channel.expiries_at + ttl / 8), channel.seq_before) end
  add(now, channel.seq)
  return string.format('%d', ttl) .. ' ' .. marks
end
