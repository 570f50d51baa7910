"""Private keys and passwords that people give for one run: on their way to the runners, sealed for these alone.

    a person ──keys──► API ──sealed for the keys of the runners that live──► database ──► a runner, in its memory

`wanted`     what a run needs, by its options, and what was given
`authority`  what only those have who have the vault: neither runners' keys nor boxes can be made without it
`boxes`      the cryptography, and nothing else
`handing`    for the API: seals what was given
`holding`    for runners: publishes their keys, opens, and seals anew for runners that came later
"""
