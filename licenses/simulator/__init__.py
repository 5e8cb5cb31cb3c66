"""A company that does not exist, and the text that its licence servers write.

For the demo, and for tests that must know the answer: nothing here reads what it wrote, and nothing
imports the product's parsers or its counting.

    world.build_world      who works there, what was bought, what happens (catalog, names, rights)
    activity.simulate      requests served one by one (demand) -> history.History
    debug_log, lmstat      what the servers print (schedule, lmutil)
    license_file, options_file, inventory    the papers
    truth                  the right figures, by brute force
    company.write_company  all of it into one folder
"""
