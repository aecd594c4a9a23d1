"""Do the report's 95 % intervals cover 95 %, do its tests raise a false alarm in 5 % at most, and
    chosen = [
        {"of": name, "by": chooser, **asdict(one)}
        for name in CONTESTS
        for chooser, one in choices(name, options.times).items()
    ]
    tell("statistics choosing", chosen, {"times": options.times})
