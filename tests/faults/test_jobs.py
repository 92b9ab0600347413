"""Long texts whose worker, engine or queue dies: nothing is lost, and no finished part is made again."""

from tests.faults.articles import article, assert_said, finished, parts_done, repeated, submit
from tests.faults.installation import RESTART_S, until, wait_s
from tests.faults.load import RECOVERY_S

WORKERS = 2
"""``jobs.workers``: as many parts may be in hand when one is killed."""


def submitted(site, count=2, parts=10):
    texts = [article(parts) for _ in range(count)]
    return {submit(site, text): text for text in texts}


def all_said(site, jobs):
    for job, text in jobs.items():
        assert_said(site, finished(site, job), text)


def test_kill_9_of_the_worker_in_the_middle_of_jobs(single):
    jobs = submitted(single)
    for made in (2, 5):
        until(lambda made=made: all(parts_done(single, job) >= made for job in jobs), 180, single.told)
        single.kill("worker")
        wait_s(RESTART_S)
        single.start_worker()
    all_said(single, jobs)
    assert repeated(single, jobs.values()) <= 2 * WORKERS  # only what was in hand


def test_kill_9_of_the_engine_in_the_middle_of_a_job(single):
    jobs = submitted(single, count=1)
    (job,) = jobs
    until(lambda: parts_done(single, job) >= 2, 180, single.told)
    single.kill("engine")
    wait_s(RESTART_S)
    single.start_engine()
    before = parts_done(single, job)
    until(lambda: parts_done(single, job) > before, RECOVERY_S, single.told)
    all_said(single, jobs)


def test_a_queue_that_was_half_written(single):
    jobs = submitted(single, count=1, parts=6)
    (job,) = jobs
    until(lambda: parts_done(single, job) >= 1, 180, single.told)
    single.kill("worker")
    single.stop("proxy0")
    file = single.folder / "queue.db"
    for beside in ("queue.db-wal", "queue.db-shm"):
        (single.folder / beside).unlink(missing_ok=True)
    file.write_bytes(file.read_bytes()[: 4096 + 1000])
    single.start_proxy()
    single.start_worker()
    all_said(single, jobs)
    assert list(single.folder.glob("queue.db.broken-*"))
