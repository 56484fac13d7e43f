"""The 38 classification tasks of TabArena-v0.1 (OpenML suite 457), as a literal table.

Source: N. Erickson et al., *TabArena: A Living Benchmark for Machine Learning on Tabular Data*, 2025
(arXiv 2506.16791), and its OpenML suite. The tables themselves are not part of this package.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_FEATURES = 100


class Task(NamedTuple):
    """One TabArena task; features and categoricals exclude the target."""

    name: str
    openml_task: int
    openml_dataset: int
    rows: int
    features: int
    categorical: int
    classes: int
    target: str
    licence: str


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("Amazon_employee_access", 363613, 46905, 32769, 9, 9, 2, "ResourceApproved", "Public Domain"),
        Task("anneal", 363614, 46906, 898, 38, 32, 5, "classes", "CC BY 4.0"),
        Task("APSFailure", 363616, 46908, 76000, 170, 0, 2, "AirPressureSystemFailure", "CC BY 4.0"),
        Task("bank-marketing", 363618, 46910, 45211, 13, 7, 2, "SubscribeTermDeposit", "CC BY 4.0"),
        Task("Bank_Customer_Churn", 363619, 46911, 10000, 10, 4, 2, "churn", "Public"),
        Task("Bioresponse", 363620, 46912, 3751, 1776, 0, 2, "MoleculeElicitsResponse", "Public Domain"),
        Task(
            "blood-transfusion-service-center",
            363621,
            46913,
            748,
            4,
            0,
            2,
            "DonatedBloodInMarch2007",
            "CC BY 4.0",
        ),
        Task("churn", 363623, 46915, 5000, 19, 4, 2, "CustomerChurned", "MIT License"),
        Task("coil2000_insurance_policies", 363624, 46916, 9822, 85, 3, 2, "MobileHomePolicy", "CC BY 4.0"),
        Task("credit-g", 363626, 46918, 1000, 20, 13, 2, "good_or_bad_customer", "CC BY 4.0"),
        Task(
            "credit_card_clients_default",
            363627,
            46919,
            30000,
            23,
            3,
            2,
            "DefaultOnPaymentNextMonth",
            "CC BY 4.0",
        ),
        Task(
            "customer_satisfaction_in_airline",
            363628,
            46920,
            129880,
            21,
            16,
            2,
            "satisfaction",
            "CC0: Public Domain",
        ),
        Task("diabetes", 363629, 46921, 768, 8, 0, 2, "TestedPositiveForDiabetes", "CC0: Public Domain"),
        Task("Diabetes130US", 363630, 46922, 71518, 47, 39, 2, "EarlyReadmission", "CC BY 4.0"),
        Task("E-CommereShippingData", 363632, 46924, 10999, 10, 4, 2, "ArrivedLate", "Public Domain"),
        Task("Fitness_Club", 363671, 46927, 1500, 6, 3, 2, "attended", "Public Domain"),
        Task("GiveMeSomeCredit", 363673, 46929, 150000, 10, 0, 2, "FinancialDistressNextTwoYears", "Public"),
        Task(
            "hazelnut-spread-contaminant-detection", 363674, 46930, 2400, 30, 0, 2, "Contaminated", "CC BY-SA"
        ),
        Task("heloc", 363676, 46932, 10459, 23, 0, 2, "RiskPerformance", "Public"),
        Task("hiva_agnostic", 363677, 46933, 3845, 1617, 1617, 3, "CompoundActivity", "Public"),
        Task(
            "HR_Analytics_Job_Change_of_Data_Scientists",
            363679,
            46935,
            19158,
            12,
            9,
            2,
            "LookingForJobChange",
            "CC0: Public Domain",
        ),
        Task(
            "in_vehicle_coupon_recommendation", 363681, 46937, 12684, 24, 21, 2, "AcceptCoupon", "CC BY 4.0"
        ),
        Task(
            "Is-this-a-good-customer",
            363682,
            46938,
            1723,
            13,
            8,
            2,
            "bad_client_target",
            "CC0: Public Domain",
        ),
        Task("kddcup09_appetency", 363683, 46939, 50000, 212, 38, 2, "appetency", "Public"),
        Task("Marketing_Campaign", 363684, 46940, 2240, 25, 8, 2, "Response", "Public"),
        Task("maternal_health_risk", 363685, 46941, 1014, 6, 0, 3, "RiskLevel", "CC BY 4.0"),
        Task("MIC", 363711, 46980, 1699, 111, 94, 8, "LET_IS", "CC BY 4.0"),
        Task("NATICUSdroid", 363689, 46969, 7491, 86, 86, 2, "Malware", "CC BY 4.0"),
        Task("online_shoppers_intention", 363691, 46947, 12330, 17, 7, 2, "Revenue", "CC BY 4.0"),
        Task("polish_companies_bankruptcy", 363694, 46950, 5910, 64, 0, 2, "company_bankrupt", "CC BY 4.0"),
        Task("qsar-biodeg", 363696, 46952, 1054, 41, 5, 2, "Biodegradable", "CC BY 4.0"),
        Task("SDSS17", 363699, 46955, 78053, 11, 2, 3, "ObjectType", "Public Domain"),
        Task("seismic-bumps", 363700, 46956, 2584, 15, 3, 2, "HighEnergySeismicBump", "CC BY 4.0"),
        Task("splice", 363702, 46958, 3190, 60, 60, 3, "SiteType", "CC BY 4.0"),
        Task(
            "students_dropout_and_academic_success",
            363704,
            46960,
            4424,
            36,
            17,
            3,
            "AcademicOutcome",
            "CC BY 4.0",
        ),
        Task("taiwanese_bankruptcy_prediction", 363706, 46962, 6819, 94, 0, 2, "Bankrupt", "CC BY 4.0"),
        Task("website_phishing", 363707, 46963, 1353, 9, 9, 3, "WebsiteType", "CC BY 4.0"),
        Task("jm1", 363712, 46979, 10885, 21, 0, 2, "defects", "Public Domain"),
    )
}
"""Every task by name."""

TABARENA33: tuple[str, ...] = tuple(task.name for task in TASKS.values() if task.features <= MAX_FEATURES)
"""The tasks with at most 100 features. The paper says 33 tables without saying which: this rule is ours."""
