-- Appends a batch of messages of one partition, in order. Everything of the way of a message that needs an order happens here.
--
-- KEYS[1] partition base, e.g. carillon:{p7}:
-- ARGV    generation, epoch for new channels, bound of the log, bound of a feed, producer window, producer ttl, idle ttl, then per message
--         channel, id, record, keeping (`<history max, 0: none> <history ttl> <durable, 1/0>`), stored-to gateway or '',
--         dedupe kind ('', p, k), and unless that is '': name, seq (k: ttl), prev, fingerprint.
--         Published again after a loss: kind rp, rk or rn (neither), with `<epoch>:<seq>` of its former position in place of prev
-- Reply   the text `generation` when the partition has another one, and nothing is done; else the partition's write count, then per message: accepted: seq, epoch; else one text: code, and by code
--         1 repeated: epoch, seq, id    2 out of order: last seq    3 other content    4 out of the window: last seq
--         5 key used for other content  6 log full
--@include channel
--@include generation
--@include history-age

local base = KEYS[1]
local meta = redis.call('HMGET', base .. 'meta', 'g', 'x', 'q')
if meta[1] ~= ARGV[1] then return 'generation' end
local new_epoch, log_max, feed_max = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local window, producer_ttl, idle_ttl = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local HEADER, FIELDS, DEDUPE_FIELDS = 7, 6, 4
-- A number in a text: what Lua does by itself formats a fraction.
local text_of, match = function(number) return string.format('%d', number) end, string.match
-- A history of at least so many messages and milliseconds outlasts a gateway's way back to Redis; with less, nothing is pushed.
local PUSHED_FROM_MESSAGES, PUSHED_FROM_MS = 1000, 60000
-- unpack() is limited by the Lua stack; a feed entry holds at most this many messages.
local MAX_PACKED = 500

local now, generation, ids_until, is_settled = now_ms(), meta[1], tonumber(meta[2] or 0), meta[3] == meta[1]
local log_length
local channels, producers, feeds, pushes, keepings, replies = {}, {}, {}, {}, {}, { redis.call('HINCRBY', base .. 'meta', 'n', 1) }

local function open_channel(name)
  local channel = channels[name]
  if channel then return channel end
  local key = base .. 'c:' .. name
  local state = redis.call('HMGET', key, 'e', 's', 'i', 'w', 'x', 'g')
  if not state[1] then
    local epoch = next_epoch(base, now, new_epoch)
    create_channel(base, name, epoch, now, generation)
    redis.call('PEXPIRE', key, idle_ttl)
    state = { epoch, 0, false, false, now }
  elseif (state[6] or '') ~= generation then
    local epoch = epoch_after(state[1], next_epoch(base, now, new_epoch))
    renew_channel(base, name, state[1], state[2], epoch, generation)
    state[1], state[2] = epoch, 0
  end
  -- `expiries_at` 0 for a new one: its expiries have to be set with the first message.
  local seq = tonumber(state[2])
  channel = {
    name = name, key = key, epoch = state[1], seq = seq, gateways = split(state[3]), wide = state[4], expiries_at = tonumber(state[5]) or 0,
    fresh = seq == 0, seq_before = seq, history = base .. 'h:' .. name, prefix = name .. '\n' .. state[1] .. ':',
  }
  channels[name] = channel
  return channel
end

--@include producers

local function reply(code, ...)
  replies[#replies + 1] = table.concat({ code, ... }, ' ')
end

local function keeping_of(text)
  local keeping = keepings[text]
  if keeping then return keeping end
  local max, ttl, durable = match(text, '^(%d+) (%d+) (%d)$')
  keeping = { history_max = max, history_ttl = tonumber(ttl), has_history = max ~= '0', durable = durable == '1' }
  keeping.is_pushed = tonumber(max) >= PUSHED_FROM_MESSAGES and keeping.history_ttl >= PUSHED_FROM_MS
  keepings[text] = keeping
  return keeping
end

local function is_log_full(durable)
  if not durable then return false end
  log_length = log_length or redis.call('XLEN', base .. 'log')
  return log_length >= log_max
end

-- Not even the question of a repeat fits into the log: answered as accepted, its publisher would wait for `stored` in vain.
local function cannot_ask(durable, stored_to)
  return stored_to ~= '' and is_log_full(durable)
end

-- What was answered the first time, if the content is the same. `conflict` is the code when it isn't.
local function reply_repeated(result, fingerprint, conflict)
  local known, epoch, seq, id = string.match(result, '^(%S+) (%S+) (%S+) (%S+)$')
  if known ~= fingerprint then reply(conflict) return false end
  reply(1, epoch, seq, id)
  return epoch, seq, id
end

-- A repeat that asks for `stored`: the first answer may have been lost, so persistence is asked.
local function ask_if_stored(channel, epoch, seq, id, durable, stored_to)
  if durable and stored_to ~= '' then
    log_length = log_length + 1
    redis.call('XADD', base .. 'log', '*', 'm', channel .. '\n' .. epoch .. ':' .. seq .. '\n' .. id, 'o', stored_to, 'k', '1')
  end
end

--@include ids

local function reply_known(channel, id, durable, stored_to)
  local epoch, seq = place_of_id(channel, id)
  if not epoch then return false end
  if cannot_ask(durable, stored_to) then reply(6) return true end
  reply(1, epoch, seq, id)
  ask_if_stored(channel, epoch, seq, id, durable, stored_to)
  return true
end

local function append(channel, record, keeping, stored_to, former)
  channel.seq = channel.seq + 1
  local seq = text_of(channel.seq)
  local message = channel.prefix .. seq .. '\n' .. record
  if keeping.has_history then
    redis.call('XADD', channel.history, 'MAXLEN', '~', keeping.history_max, seq .. '-0', 'm', record)
    channel.history_ttl = keeping.history_ttl
  end
  if keeping.durable then
    log_length = log_length + 1
    if former then redis.call('XADD', base .. 'log', '*', 'm', message, 'o', stored_to, 'v', former)
    elseif stored_to == '' then redis.call('XADD', base .. 'log', '*', 'm', message)
    else redis.call('XADD', base .. 'log', '*', 'm', message, 'o', stored_to) end
  end
  if channel.wide then
    -- Bounded like the log: without a router nobody takes anything out. What is dropped, gateways heal from history.
    channel.wide = redis.call('XADD', base .. 'route', 'MAXLEN', '~', log_max, '*', 'm', message)
  else
    for _, gateway in ipairs(channel.gateways) do
      if keeping.is_pushed then
        local push = pushes[gateway]
        if not push then push = { text_of(replies[1]) } pushes[gateway] = push end
        push[#push + 1] = message
      else
        local feed = feeds[gateway]
        if not feed then feed = {} feeds[gateway] = feed end
        feed[#feed + 1] = 'm'
        feed[#feed + 1] = message
      end
    end
  end
  replies[#replies + 1] = channel.seq
  replies[#replies + 1] = channel.epoch
  return seq
end

local function publish_one(at)
  local name, id, record, keeping, stored_to, kind = ARGV[at], ARGV[at + 1], ARGV[at + 2], keeping_of(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5]
  local dedupe_name, fingerprint, durable = ARGV[at + 6], ARGV[at + 9], keeping.durable
  local producer, dedupe_key, producer_seq, is_late
  if kind == 'p' then
    producer, producer_seq = open_producer(name, dedupe_name), tonumber(ARGV[at + 7])
    if producer.last and producer_seq <= producer.last then
      local result = producer_result(producer, producer_seq)
      if result then
        if cannot_ask(durable, stored_to) then return reply(6) end
        local epoch, seq, known_id = reply_repeated(result, fingerprint, 3)
        if epoch then ask_if_stored(name, epoch, seq, known_id, durable, stored_to) end
        return
      end
      if reply_known(name, id, durable, stored_to) then return end
      is_late = producer_seq > producer.last - window and is_in_jump(producer, producer_seq)
      if not is_late then
        if producer_seq > producer.last - window then reply(3) else reply(4, producer.last) end
        return
      end
    elseif reply_known(name, id, durable, stored_to) then return
    elseif producer.last and producer.generation == generation and tonumber(ARGV[at + 8]) ~= producer.last then
      return reply(2, producer.last)
    end
  elseif kind == 'k' then
    dedupe_key = base .. 'k:' .. name .. '|' .. dedupe_name
    local result = redis.call('GET', dedupe_key)
    if result then
      if cannot_ask(durable, stored_to) then return reply(6) end
      local epoch, seq, known_id = reply_repeated(result, fingerprint, 5)
      if epoch then ask_if_stored(name, epoch, seq, known_id, durable, stored_to) end
      return
    end
    if reply_known(name, id, durable, stored_to) then return end
  end
  if is_log_full(durable) then return reply(6) end
  local channel = open_channel(name)
  local seq = append(channel, record, keeping, stored_to)
  if kind == '' then return end
  -- The database may have it already, stored in an epoch that it has not been asked for yet: the end of that epoch must not take it in.
  if durable and not is_settled then remember_id(name, id, channel.epoch, seq, producer_ttl) end
  local result = fingerprint .. ' ' .. channel.epoch .. ' ' .. seq .. ' ' .. id
  if producer then
    if not is_late then move_producer(producer, producer_seq, tonumber(ARGV[at + 8])) end
    note_producer(producer, producer_seq, result)
  elseif dedupe_key then
    redis.call('SET', dedupe_key, result, 'PX', ARGV[at + 7])
  end
end

-- A place that is in this line of epochs, and so is not lost.
local function is_kept(channel, epoch, seq)
  if epoch == channel.epoch then return seq <= channel.seq end
  for _, ended in ipairs(ended_epochs(redis.call('HGET', channel.key, 'p'))) do
    if ended.epoch == epoch then return seq <= ended.last end
  end
  return false
end

-- The publisher's own record of it, so that a repeat is recognised.
local function note_publisher(at, name, kind, result)
  if kind == 'rp' then
    local producer, seq = open_producer(name, ARGV[at + 6]), tonumber(ARGV[at + 7])
    note_producer(producer, seq, result)
    producer.last = math.max(producer.last or 0, seq)
  elseif kind == 'rk' then
    redis.call('SET', base .. 'k:' .. name .. '|' .. ARGV[at + 6], result, 'PX', ARGV[at + 7], 'NX')
  end
end

-- Whatever was accepted in the meantime: what is lost takes the next place.
local function republish_one(at)
  local name, id, keeping, stored_to, kind = ARGV[at], ARGV[at + 1], keeping_of(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5]
  local former, fingerprint = ARGV[at + 8], ARGV[at + 9]
  local id_key = base .. 'r:' .. name .. '|' .. id
  local known_epoch, known_seq = match(redis.call('GET', id_key) or '', '^(%S+) (%S+)$')
  if known_epoch then return reply(1, known_epoch, known_seq, id) end
  local epoch, seq = match(former, '^([^:]+):(%d+)$')
  local channel = open_channel(name)
  local kept = is_kept(channel, epoch, tonumber(seq))
  if not kept and is_log_full(keeping.durable) then return reply(6) end
  if kept then reply(1, epoch, seq, id)
  else
    seq = append(channel, ARGV[at + 2], keeping, stored_to, former)
    epoch = channel.epoch
  end
  local ttl = kind == 'rk' and tonumber(ARGV[at + 7]) or producer_ttl
  remember_id(name, id, epoch, seq, ttl)
  note_publisher(at, name, kind, fingerprint .. ' ' .. epoch .. ' ' .. seq .. ' ' .. id)
end

local function flush_feeds()
  for gateway, fields in pairs(feeds) do
    local key = base .. 'g:' .. gateway
    for from = 1, #fields, MAX_PACKED * 2 do
      local to = math.min(#fields, from + MAX_PACKED * 2 - 1)
      -- NOMKSTREAM: the feed of a removed gateway must not come back.
      redis.call('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', feed_max, '*', unpack(fields, from, to))
    end
  end
end

-- What history holds is pushed: a gateway that was away reads what it missed from there. Nothing to read again, acknowledge or trim, and it
-- stands neither in memory nor in the append-only file.
local function flush_pushes()
  for gateway, messages in pairs(pushes) do
    redis.call('SPUBLISH', base .. 'g:' .. gateway, table.concat(messages, '\0'))
  end
end

local function flush_channels()
  for _, channel in pairs(channels) do
    local writes = { 's', text_of(channel.seq) }
    if channel.wide then writes[#writes + 1] = 'w' writes[#writes + 1] = channel.wide end
    local state_ttl = math.max(idle_ttl, channel.history_ttl or 0)
    local shortest = math.min(state_ttl, channel.history_ttl or state_ttl)
    if channel.fresh or now - channel.expiries_at > shortest / 8 then
      if channel.history_ttl then
        redis.call('PEXPIRE', channel.history, channel.history_ttl)
        writes[#writes + 1] = 't'
        writes[#writes + 1] = mark_history(base, channel, now)
      end
      -- With interest the state never expires: a silent channel would lose its subscribers.
      if #channel.gateways == 0 and not channel.wide then redis.call('PEXPIRE', channel.key, state_ttl) end
      writes[#writes + 1] = 'x'
      writes[#writes + 1] = text_of(now)
    end
    redis.call('HSET', channel.key, unpack(writes))
  end
end

local at, last = HEADER + 1, #ARGV
while at <= last do
  if match(ARGV[at + 5], '^r') then republish_one(at) else publish_one(at) end
  at = at + FIELDS + (ARGV[at + 5] == '' and 0 or DEDUPE_FIELDS)
end
flush_feeds()
flush_pushes()
flush_channels()
flush_producers()
return replies
