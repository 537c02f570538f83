"""What each shipped scenario is made of, and under which licence: the text of its SOURCES.md."""

from __future__ import annotations

MADE = """\
All tables are made by the scenario's script from a seed; none of them is a measurement. They are as free
as the code of this project. Times are UTC and label the start of an interval; powers kW, energies kWh,
money EUR.

- load: households or a business with a typical day, noise that persists, heating or cooling by
  temperature;
- weather: clear sky after Haurwitz (1945), autoregressive clouds and temperature; the row issued the day
  before is the forecast, the row issued at the end of its interval is what was measured;
- prices: a constant and the shape of demand, less the sun, with noise; known at 12:45 on the day before;
- trips: habits with deviations; a stay is known when the car is plugged in.
"""
SIMBENCH = """\
Load and PV are SimBench's, version 1.6.3 of the `simbench` package: grids `1-LV-rural2`, `1-LV-rural3`,
`1-LV-semiurb5` and `1-LV-urban6`, scenario 2 (https://simbench.net). Meinecke et al. 2020, "SimBench: A
Benchmark Dataset of Electric Power Systems to Compare Innovative Solutions Based on Power Flow Analysis",
Energies 13(12), 3290.

Licence: database under the Open Database License (ODbL) 1.0, http://opendatacommons.org/licenses/odbl/1.0/;
contents under the Database Contents License 1.0, http://opendatacommons.org/licenses/dbcl/1.0/.
© 2019-2026 University of Kassel, TU Dortmund, RWTH Aachen University, Fraunhofer IEE and contributors.
The tables `load`, `feeders` and `assets` are a database derived from it and are made available under the
ODbL 1.0 too, not under the licence of the code.

- load: the absolute profiles of households, businesses and heat pumps, summed over each grid and averaged
  over the interval; charging points and storage are left out, they are the fleet. SimBench's labels are
  read as Europe/Berlin; its year 2016 is used as 52 weeks that repeat, so that weekdays stay;
- limits: the transformers' ratings at unity power factor; batteries: SimBench's storage units, rounded
  to 0.1;
- cars stand at as many charging points as SimBench has; their sizes and trips are made from a seed;
- weather and prices are made from the seed as well and do not belong to SimBench's sun: clear sky after
  Haurwitz (1945) with autoregressive clouds; a price of demand and sun with noise, known at 12:45 on the
  day before.
"""
RESERVE = """\
- reserve: in each direction, in blocks of four hours as balancing markets have them, at prices around 5 to
  16 EUR per MW and hour; known at 9:30 on the day before, and to be kept up for an hour.
"""
_ABOUT = {
    "lv-feeders": "Low-voltage feeders of SimBench",
    "balancing-reserve": "Grid batteries that sell balancing reserve",
    "commercial-site": "A business with a demand charge",
    "negative-prices": "Home batteries and negative prices",
    "demand-response": "A season of demand-response events",
    "storm-week": "A storm in winter",
}


def sources(name: str) -> str:
    """Return the text of a scenario's SOURCES.md."""
    body = SIMBENCH if name == "lv-feeders" else MADE
    if name == "balancing-reserve":
        body += RESERVE
    how = f"\nBuilt by `vpp scenario build {name} --out FOLDER`; the same seed, the same tables.\n"
    return f"# {_ABOUT[name]}: sources, licence\n\n{body}{how}"
