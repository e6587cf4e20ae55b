"""Work that takes longer than a request: queued in a table, announced through a broker, done by workers.

The table is the truth. The broker (`service.jobs.queue`) only says that there is something to do, and may forget it:
`service.jobs.sweeping` says it again. A kind of job is one file and one line in `service.jobs.kinds`.
"""
