from licenses.simulator.company import write_company

DAY = 86400


def test_a_company_is_written_into_one_folder(tmp_path, now):
    papers = write_company(tmp_path, seed=3, now=now, days=40)
    assert set(papers.logs) == set(papers.license_files) == set(papers.options_files)
    files = [
        *papers.inventory,
        *papers.license_files.values(),
        *(path for paths in papers.logs.values() for path in paths),
        *(path for paths in papers.options_files.values() for path in paths),
        *(path for _, path in papers.invoices),
        papers.lmutil,
    ]
    assert all(path.is_relative_to(tmp_path) and path.stat().st_size for path in files)
    assert [path.name for path in papers.logs["lic-berlin"]] == [
        "lic-berlin-2026-10.log",
        "lic-berlin-2026-11.log",
    ]
    assert papers.history.end >= now + 21 * DAY
    assert {bill.contract for bill, _ in papers.invoices} == {
        contract.number for contract in papers.history.world.contracts
    }
