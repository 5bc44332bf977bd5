"""Every bound of the product, by name. A test reaches each of them."""

from __future__ import annotations

# Symbols and searches
SYMBOL_LENGTH_MAX = 32
CONTRACT_TEXT_LENGTH_MAX = 64
STRIKE_MILLI_MAX = 99_999_999  # eight digits of an OCC symbol: 99,999.999 dollars
QUOTE_SYMBOLS_PER_REQUEST_MAX = 100
SEARCH_TEXT_LENGTH_MAX = 64
SEARCH_RESULTS_MAX = 50

# Amounts as brokers write them
MONEY_DIGITS_MAX = 18
MONEY_PLACES_MAX = 12
PRICE_MAX = 1e9  # dollars per share; more is a sentinel of the source

# Chains and history
CHAIN_STRIKES_MAX = 1_000
CHAIN_CONTRACTS_MAX = 60_000
HISTORY_BARS_MAX = 5_000
HISTORY_SPAN_DAYS_MAX = 20 * 366
CALENDAR_DAYS_MAX = 2 * 366

# Market data agreements
AGREEMENT_NAME_LENGTH_MAX = 120
AGREEMENT_ANSWERS_MAX = 16
AGREEMENT_KEPT_SECONDS = 30.0  # how long another process may not know of a withdrawal
AGREEMENTS_KEPT_MAX = 10_000

# The market's memory
HISTORY_TEXT_LENGTH_MAX = 256
HISTORY_YEAR_MIN = 1900
HISTORY_YEAR_MAX = 2100
HISTORY_FILE_ROWS_MAX = 1_048_576
HISTORY_SMALL_FILES_MAX = 8  # of one partition and span of time; then they become one
HISTORY_STAGED_ROWS_MAX = 2_000_000  # taken and not yet written
HISTORY_OPEN_PARTITIONS_MAX = 256  # that a writer remembers the keys of
HISTORY_READ_ATTEMPTS_MAX = 5  # each time the writer has joined files meanwhile
HISTORY_CAPTURED_SYMBOLS_MAX = 1_000
HISTORY_PAGE_MAX = 1_000  # sessions of one page of IV history or gaps
HISTORY_LOOKBACK_DAYS_MAX = 10  # how old a past chain may be that is shown

# Imports of recorded files
IMPORT_HEAD_BYTES_MAX = 65_536  # what a format is recognised by
IMPORT_BLOCK_BYTES_MAX = 16 * 1024 * 1024  # of text that is read at once
IMPORT_LINE_BYTES_MAX = 1024 * 1024
IMPORT_DOCUMENT_BYTES_MAX = 256 * 1024 * 1024  # of a file that can only be read whole, unpacked
IMPORT_UNPACKED_BYTES_MAX = 64 * 1024 * 1024 * 1024
IMPORT_ZIP_MEMBERS_MAX = 200_000
IMPORT_FRAME_ROWS_MAX = 10_000_000  # of a packed table, which says little with many bytes

# Brokerages
BROKER_PAGES_MAX = 500  # of one question to a broker
BROKER_HISTORY_DAYS_MAX = 3_653  # of a broker that keeps everything
BROKER_EMPTY_DAYS_MAX = 730  # without a line, before which nothing more is looked for
BROKER_RETRY_SECONDS_FIRST = 15.0
BROKER_RETRY_SECONDS_MAX = 3_600.0
BROKER_CONNECTIONS_PER_USER_MAX = 30
BROKER_FLOW_SECONDS_MAX = 900  # of a user at a broker's page
BROKER_CODE_SECONDS = 300  # from there back into the app
BROKER_EAGER_SECONDS_MIN = 10  # between readings that a user asks for
BROKER_READS_AT_ONCE_MAX = 48  # connections of one worker
BROKER_CLAIM_SECONDS = 120.0  # of a worker on a connection: one that dies holds it no longer
BROKER_READING_SECONDS_MAX = 900.0  # of one connection; it holds its claim meanwhile
BROKER_FILLS_KEPT_DAYS_MAX = 7  # of an order without its transaction
BROKER_REVISIONS_MAX = 20  # of one line that are kept
BROKER_EXCHANGES_KEPT_MAX = 500  # of one connection
BROKER_EXCHANGES_PER_PAGE_MAX = 100
BROKER_LABEL_LENGTH_MAX = 80
BROKER_VALUES_MAX = 12  # that a user types for one sign-in
BROKER_READINGS_MAX = 3  # of a history whose pages move while they are read
PAPER_LEGS_MAX = 4  # of an order of the sandbox brokerage
PAPER_QUANTITY_MAX = 1_000_000  # of one leg of it
PAPER_PAGE_ROWS_MAX = 100  # of its history
PAPER_WORKING_ORDERS_MAX = 200  # of one account, that rest
PAPER_RESTING_LOOKED_AT_MAX = 500  # orders that rest, in one round

# Statements: files of a broker that a user imports
STATEMENT_BYTES_MAX = 8 * 1024 * 1024
STATEMENT_ROWS_MAX = 20_000
STATEMENT_LINE_LENGTH_MAX = 20_000  # of a table; the files of other formats are one line
STATEMENT_FIELDS_MAX = 64  # of one line of a table
STATEMENT_DEPTH_MAX = 16  # elements within elements
STATEMENT_ACCOUNTS_MAX = 50
STATEMENT_TEXT_LENGTH_MAX = 300  # of a description; what is longer is cut
STATEMENT_PREVIEWS_PER_USER_MAX = 5  # beyond that the oldest one is discarded
STATEMENT_IMPORTS_PER_USER_MAX = 500
STATEMENT_PAGE_MAX = 200  # rows of one answer
SNAPSHOT_POSITIONS_KEPT_MAX = 100_000  # parsed, in one process, of all owners
TRANSACTIONS_PAGE_MAX = 200  # lines of history of one answer

# Portfolios
PORTFOLIO_POSITIONS_KEPT_MAX = 100_000  # compiled, in one process, of all owners
SCENARIO_SPOTS_MAX = 21  # points of one matrix
SCENARIO_VOLS_MAX = 11
SCENARIO_DAYS_MAX = 5
PORTFOLIO_TICK_SECONDS = 1.0  # between two valuations of one that somebody streams
PORTFOLIO_RELOAD_SECONDS = 60.0  # after which what is held is compared, without a word of it
UPCOMING_DAYS_MAX = 400
HISTORIES_AT_ONCE_MAX = 8  # daily closes that one market is asked for at once
HISTORIES_WAIT_SECONDS_MAX = 3.0  # how long betas and correlations wait for them
HISTORIES_KEPT_MAX = 2_000  # symbols whose closes of the day are kept
HISTORIES_SECONDS = 3_600.0  # after which they are asked for again
# Structures of a portfolio
STRUCTURE_WINDOW_SECONDS = 300  # legs opened within it may have been meant together
STRUCTURE_SHAPE_LEGS_MAX = 5  # that a shape with a name is put together from
STRUCTURE_ATOMS_MAX = 12  # pieces of one underlying that shapes of four are looked for among
STRUCTURE_CHUNK_MAX = 60  # pieces that are looked at together at all
STRUCTURE_SEARCH_NODES_MAX = 5_000  # states of one search; then the best so far is the answer
STRUCTURE_LINES_MAX = 5_000  # of history, the newest, that openings are read from
STRUCTURE_OVERRIDES_MAX = 500  # of one user
STRUCTURE_OVERRIDE_LEGS_MAX = 12
STRUCTURE_NAME_LENGTH_MAX = 80
STRUCTURE_PAYOFF_POINTS_MAX = 121
MARGIN_LEGS_MAX = 10  # different ones of one underlying that are grouped exactly
MARGIN_STATES_MAX = 6_000  # of one exact grouping; then it is the best one found with its bound

# Sockets
SOCKET_MESSAGE_BYTES_MAX = 16_384
SOCKET_QUOTES_MAX = 250
SOCKET_CHAINS_MAX = 8
SOCKET_STRIKES_AROUND_MAX = 500
SOCKET_AUTH_SECONDS_MAX = 10
SOCKET_SILENCE_SECONDS_MAX = 45  # a client says something at least every 15 s
SOCKET_CLOSE_SECONDS_MAX = 3  # how long a close frame waits for its answer
SOCKET_CHECK_SECONDS = 5.0  # how often a socket is looked at: its token, its market
SOCKET_HINT_SECONDS = 60  # before the token ends, its client is told
SOCKET_SLICE_SECONDS = 0.01  # of the timer wheel that flushes clients
SOCKET_INTERVAL_MS_MIN = 100
SOCKET_INTERVAL_MS_MAX = 2_000
SOCKET_INTERVAL_MS_FIRST = 250  # where a client names none
SOCKET_SNAPSHOT_SECONDS_MAX = 2.0  # how long a snapshot waits for its slowest symbol
SOCKET_RECENTRE_SECONDS = 1.0  # how often strikes around the money are compared with it
SOCKET_MESSAGES_PER_SECOND_MAX = 20
SOCKET_MESSAGES_AT_ONCE_MAX = 400
SOCKET_MESSAGES_HELD_MAX = 32  # while the token of a socket is looked at
SOCKET_BAD_FRAMES_MAX = 20
SOCKET_SEND_BUFFER_BYTES_MAX = 32_768  # what the kernel keeps for a client that does not read
SOCKET_UNSENT_BYTES_MAX = 16_384
SOCKETS_PER_USER_MAX = 20
SOCKETS_WAITING_MAX = 12_000  # that are connected and not signed in
SOCKETS_SIGNING_IN_SECONDS_MIN = 0.003  # of one turn of checking tokens; then clients are flushed
SOCKETS_SIGNING_IN_SECONDS_MAX = 0.05  # of one turn where the others take long
SOCKET_OPENINGS_AT_ONCE_MAX = 64  # topics that are opened on the book
SOCKET_ADDRESSES_MAX = 100_000  # whose connections are counted
SOCKET_RECONNECT_SPREAD_SECONDS = 2.0  # at the least, when a server goes away
SOCKET_WHEEL_SLICES_MAX = 256  # of the timer wheel: longer than the longest interval of a client
SOCKET_STALLED_SECONDS_MAX = 30.0  # a client that takes nothing for so long is closed
SOCKET_CONTROL_BYTES_MAX = 262_144  # of ordered frames that wait for one client

# Events of users
EVENTS_KEPT_MAX = 1_000  # of one user; who was away for longer loads anew
EVENTS_KEPT_SECONDS = 7 * 86_400  # since the last one, or the last look
EVENTS_PER_PAGE_MAX = 64
EVENT_BODY_BYTES_MAX = 4_096
EVENTS_SWEEP_SECONDS = 2.0  # one of the shards is compared so often, in case a notice was lost
EVENTS_UNREAD_BYTES_MAX = 16_384  # that wait at a socket before no more are given to it
EVENTS_UNREAD_SECONDS_MAX = 30.0  # a client that reads none for so long is closed

# Market data plumbing
BUS_CONNECTIONS_MAX = 64
BUS_SILENCE_SECONDS_MAX = 5.0  # a connection that should have said something by then is lost
BUS_WAIT_SECONDS_MAX = 2.0  # of one blocking call, well below that
BUS_CONNECT_SECONDS_MAX = 3.0  # until a new connection can be used
BUS_MESSAGES_WAITING_MAX = 1_000  # of one channel for a reader that takes its time
QUOTES_PER_QUESTION_MAX = 100
QUOTES_WAIT_SECONDS_MAX = 0.5  # how long quotes of one question wait for the slowest of them
LEASE_SECONDS = 15
LEASE_RENEW_SECONDS = 5.0
INTEREST_SECONDS = 30.0  # how long one REST request keeps its topic alive
DEMAND_RECONCILE_SECONDS = 0.25
DEMAND_TOPICS_MAX = 5_000
QUOTE_PUBLISH_SECONDS_MIN = 0.01
QUOTE_PUBLISH_SECONDS_MAX = 0.05
QUOTE_ROWS_PER_SECOND_MAX = 50_000  # where more change, the newest of longer gathers are said
CHAIN_PUBLISH_SECONDS = 0.25
FEED_HEARTBEAT_SECONDS = 1.0
FEED_SILENCE_SECONDS_MAX = 5.0
FEED_REQUEST_SECONDS_MAX = 20.0
FEED_REQUESTS_MAX = 1_000
FEED_REQUESTS_AT_ONCE_MAX = 16
PROVIDER_BODY_BYTES_MAX = 64 * 1024 * 1024
RECONNECT_SECONDS_FIRST = 0.5
RECONNECT_SECONDS_MAX = 30.0
SUMMARY_SECONDS_MAX = 1.5  # how long a list of expirations waits for its expected moves
SUMMARY_AGE_SECONDS_MAX = 120.0  # how old the expected move of a date nobody follows may be
SUMMARIES_KEPT_MAX = 5_000
CHAIN_AGE_SECONDS_MAX = 1.0  # the same for a chain that somebody is about to follow
CHAINS_KEPT_MAX = 1_000
CHAIN_QUESTIONS_MAX = 4_096  # in words of clients, whose answers are found by them
CHAIN_COLUMN_SETS_MAX = 8  # narrowed ones of one streamed chain; beyond that all are sent
MARKS_LOADS_AT_ONCE_MAX = 16  # chains that one book of holdings begins to follow at once
MARKS_WAIT_SECONDS_MAX = 3.0  # how long an answer waits for what it begins to follow
MARKS_RETRY_SECONDS = 15.0  # what nobody knew is asked for again after that
REPLAY_STEPS_MAX = 10_000
PRICING_COST_MAX = 25_000  # of one call, in European rows: all at once would hold up one reader
PRICING_CYCLE_SECONDS_MAX = 0.5  # of pricing, before the chains that wait longest come first again
CASH_DIVIDEND_ROWS_MAX = 1_000  # followed rows whose dividends are priced in cash
TAPES_KEPT_MAX = 20_000  # symbols whose prints of a session are folded
SURFACE_SHARE_MAX = 0.1  # of a core, for fitting surfaces
SURFACES_KEPT_MAX = 1_000
INPUTS_KEPT_MAX = 1_000  # underlyings whose dividends and earnings are known
INPUTS_AGE_SECONDS_MAX = 6 * 3_600.0  # dividends, splits and rates are asked for again after that
INPUTS_ACTIONS_MAX = 64  # of one underlying: as many ex-dates as one expiry may see

# Market data providers
PROVIDER_PAGES_MAX = 200  # of one answer that comes in pages
PROVIDER_RETRIES_MAX = 2  # of one question, after its first attempt
PROVIDER_RETRY_SECONDS_FIRST = 0.3
PROVIDER_PAUSE_SECONDS = 60.0  # after a 429 that does not say how long
PROVIDER_PAUSE_SECONDS_MAX = 900.0
PROVIDER_TURN_SECONDS_MAX = 15.0  # how long a question waits for its turn before it is refused
PROVIDER_QUEUE_MAX = 256  # questions that wait for their turn
STREAM_CONNECTS_PER_MINUTE_MAX = 6
STREAM_CONNECT_SECONDS_MAX = 8.0
STREAM_HANDSHAKE_SECONDS_MAX = 8.0  # greeting and sign-in, once connected
STREAM_PING_SECONDS = 3.0
STREAM_PONG_SECONDS_MAX = 4.0  # a peer that answers no ping for so long is gone
STREAM_DATA_SILENCE_SECONDS_MAX = 8.0  # of a busy subscription in market hours; then it is mute
STREAM_MUTE_SYMBOLS_MIN = 20  # how many symbols make a busy subscription
STREAM_SILENCE_SECONDS_MAX = 600.0  # how far that bound grows while new connections do not help
STREAM_STABLE_SECONDS = 10.0  # a connection that held so long was a good one
STREAM_REFUSED_SECONDS = 900.0  # after a definite refusal to sign in
STREAM_SYMBOL_REFUSED_SECONDS = 600.0
STREAM_IDLE_SECONDS = 60.0  # without demand the connection is given up
STREAM_RESELECT_SECONDS = 30.0  # nearest the money is found again so often
STREAM_FRAME_BYTES_MAX = 4 * 1024 * 1024
STREAM_FRAMES_QUEUED_MAX = 64  # then reading from the socket pauses
STREAM_BAD_FRAMES_MAX = 20  # in a row; then the connection is made anew
STREAM_TRADES_MAX = 20_000  # that wait for the feed; more is a marked gap
STREAM_TRADE_KEYS_MAX = 20_000  # prints remembered, to know a duplicate
STREAM_CONFLATE_SECONDS = 0.1
POLLS_AT_ONCE_MAX = 4
POLLED_THINGS_MAX = 1_000  # quotes and chains of one provider that are followed by asking again
TAPE_PRINTS_MAX = 200_000  # of one symbol that a cancel can still reach
DIVIDENDS_PROJECTED_MAX = 120  # of one company
TRADE_SIDE_QUOTE_SECONDS_MAX = 10.0  # an older quote names no side

# Market data failover
FAILOVER_MEMBERS_MAX = 12
FAILOVER_CHECK_SECONDS = 0.25
FAILOVER_START_SECONDS = 3.0  # how long the preferred provider may take before the next one serves
FAILOVER_STALE_SECONDS = 2.0  # how long a number may outlive its provider before it is called stale
FAILOVER_LOST_SECONDS = 5.0  # without any provider for longer, the feed is down
FAILOVER_RETURN_SECONDS_FIRST = 30.0  # so long a provider must be well before it is returned to
FAILOVER_RETURN_SECONDS_MAX = 480.0  # doubled with each time it had to be left
FAILOVER_FORGIVE_SECONDS = 900.0  # until it was not left for so long
FAILOVER_SWITCHES_PER_MINUTE_MAX = 6  # of one kind of data
FAILOVER_SWITCHES_KEPT_MAX = 500
FAILOVER_OPENS_PER_MINUTE_MAX = 6  # of one provider
FAILOVER_OPEN_SECONDS_MAX = 15.0
FAILOVER_REFUSED_SECONDS = 300.0  # an account that was refused is not tried again before
FAILOVER_UPDATES_WAITING_MAX = 4_096
FAILOVER_FUTURE_SECONDS_MAX = 5.0  # a time further ahead than clocks may differ is a broken one
FAILOVER_CHAIN_SILENCE_SECONDS = 60.0  # chains alone may be silent for longer than all together
FAILOVER_POLLED_SILENCE_SECONDS = 300.0  # of a provider that is polled and names no bound
FAILOVER_OUTCOMES_MAX = 64  # the last requests and updates of one kind, of which half may be bad
FAILOVER_BAD_IN_A_ROW_MAX = 8
FAILOVER_TRY_SECONDS_MAX = 6.0  # of one provider's answer to one question
FAILOVER_BREAKER_FAILURES_MAX = 3  # in a row, before a provider is not asked for a while
FAILOVER_BREAKER_SECONDS_FIRST = 5.0
FAILOVER_BREAKER_SECONDS_MAX = 120.0
FAILOVER_POLL_SECONDS = 15.0  # between two looks at what fits into no subscription
FAILOVER_FETCHES_AT_ONCE_MAX = 4
FAILOVER_CHAIN_CONTRACTS_FIRST = 200  # what a chain is taken to have before it was seen

# HTTP
REQUEST_BODY_BYTES_MAX = 1_048_576
REQUEST_BODY_SECONDS_MAX = 15.0  # from the first byte asked for to the last one
REQUEST_BODY_DEPTH_MAX = 32  # brackets within brackets of a JSON body
REQUEST_HEADERS_MAX = 100
REQUEST_HEAD_BYTES_MAX = 32_768  # address and headers together
SLOW_REQUEST_SECONDS = 1.0  # from then on a read is told in the log
REQUEST_HEAD_SECONDS_MAX = 10.0
RATE_LIMIT_LOCAL_SUBJECTS_MAX = 10_000
RATE_LIMIT_AHEAD_MAX = 64  # requests of one window that are counted at once

# Accounts
EMAIL_LENGTH_MAX = 254
PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 256
DISPLAY_NAME_LENGTH_MAX = 80
REFRESH_TOKENS_PER_USER_MAX = 50
PASSWORD_HASHES_WAITING_MAX = 64
PASSWORD_ESTIMATES_WAITING_MAX = 16
PASSWORD_ESTIMATED_LENGTH_MAX = 24
LOGIN_FAILURES_MAX = 5  # for one account from one address, before the first wait
LOGIN_WAIT_SECONDS_FIRST = 30  # doubles with every further failure
LOGIN_WAIT_SECONDS_MAX = 3_600
LOGIN_ACCOUNT_FAILURES_MAX = 20  # for one account from strange addresses together
LOGIN_ACCOUNT_WAIT_SECONDS_MAX = 60  # short: the owner, on a new device, waits too
LOGIN_FAILURES_REMEMBERED_SECONDS = 86_400
LOGIN_KNOWN_ADDRESS_SECONDS = 30 * 86_400
DEVICE_NAME_LENGTH_MAX = 64
STEP_UP_SECONDS = 300  # how long a proof of who somebody is counts for what needs one
REFRESH_GRACE_SECONDS = 20  # a retry of the same refresh token is given the same answer so long
REFRESH_RETRIES_FOLLOWED_MAX = 8
SESSION_DAYS_MAX = 180  # however often it is refreshed: then somebody proves who they are again
ENDED_SESSIONS_MAX = 200_000
REGISTRATION_SECONDS = 1_800
EMAIL_CHANGE_SECONDS = 1_800
PASSWORD_RESET_SECONDS = 1_800
MAIL_CODE_LENGTH_MAX = 16
MAIL_CODE_ATTEMPTS_MAX = 5
REGISTRATION_MAILS_MAX = 3
EXPORTED_EVENTS_MAX = 200
MAILS_PER_ADDRESS_MAX = 5  # registrations and resets that mail one address within their life

ADMIN_PAGE_MAX = 50
CURSOR_DIGITS_MAX = 18

# Performance
PERFORMANCE_SESSIONS_MAX = 20 * 252
PERFORMANCE_POINTS_MAX = 500  # of a curve; more are thinned out, ends and extremes kept

# Jobs
JOB_LATE_SECONDS = 120  # a job that waits longer means that no worker runs, or too few
JOBS_AT_ONCE_MAX = 8
JOB_SECONDS_MAX = 60
JOB_ATTEMPTS_MAX = 8
MAIL_SECONDS_MAX = 20

# Second factors, passkeys and issuers
CHALLENGE_SECONDS = 300
CHALLENGE_ATTEMPTS_MAX = 5
PROOF_ATTEMPTS_BETWEEN_PAUSES_MAX = 5
PROOF_PAUSE_SECONDS_FIRST = 30  # each pause is twice as long as the one before
PROOF_PAUSE_SECONDS_MAX = 3_600
PROOF_ATTEMPTS_KEPT_SECONDS = 86_400  # since the last attempt
TOTP_SETUP_SECONDS = 600
TOTP_SETUP_ATTEMPTS_MAX = 10
PASSKEY_CEREMONY_SECONDS = 300
PASSKEY_FIELD_LENGTH_MAX = 16_384
PASSKEYS_PER_USER_MAX = 20
ISSUER_FLOW_SECONDS = 600
ISSUER_CODE_SECONDS = 120
ISSUERS_MAX = 20
ISSUERS_PER_USER_MAX = 10
ISSUER_BODY_BYTES_MAX = 262_144
ISSUER_KEYS_MAX = 32
ISSUER_SECONDS_MAX = 10.0  # of one request to an issuer
ISSUER_METADATA_SECONDS = 3_600
ISSUER_KEYS_REFETCH_SECONDS = 30  # an unknown key id asks the issuer again, not more often

# Ledger
LEDGER_PAGE_MAX = 200  # lots, entries or gains of one answer
OWN_LINES_MAX = 2_000  # that one owner has entered
OWN_LINE_NOTE_LENGTH_MAX = 300
LEDGER_CHANGES_MAX = 2_000  # lines that are booked by their families; more book everything
LEDGER_RETRY_SECONDS = 60.0  # after an owner who could not be booked for a fault of ours
LEDGER_OWNERS_AT_ONCE_MAX = 100  # booked between two looks at who waits

# Watchlists
WATCHLISTS_PER_USER_MAX = 50
WATCHLIST_SYMBOLS_MAX = 500  # the most that an operator may set; the usual is 50
WATCHLIST_SECTIONS_MAX = 50
WATCHLIST_NAME_LENGTH_MAX = 80
WATCHLIST_NOTE_LENGTH_MAX = 500
WATCHLIST_RANK_LENGTH_MAX = 64
WATCHLIST_EDITS_MAX = 500  # in one request
WATCHLIST_EDIT_AGE_SECONDS_MAX = 60 * 86_400  # an edit that waited longer on a device is refused
WATCHLIST_REMOVED_KEPT_SECONDS = 90 * 86_400  # longer than any edit may wait
WATCHLIST_TEXT_LENGTH_MAX = 100_000  # of an import
