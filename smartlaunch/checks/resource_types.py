"""The names of FHIR resource types, from R4 to R6, by which a reference can be told from other text."""

from __future__ import annotations

import re

RESOURCE_TYPES = frozenset(
    """
    Account ActivityDefinition ActorDefinition AdministrableProductDefinition AdverseEvent AllergyIntolerance Appointment
    AppointmentResponse ArtifactAssessment AuditEvent Basic Binary BiologicallyDerivedProduct BiologicallyDerivedProductDispense
    BodySite BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Citation Claim
    ClaimResponse ClinicalAssessment ClinicalImpression ClinicalUseDefinition CodeSystem Communication CommunicationRequest
    CompartmentDefinition Composition ConceptMap Condition ConditionDefinition Consent Contract Coverage CoverageEligibilityRequest
    CoverageEligibilityResponse DetectedIssue Device DeviceAlert DeviceAssociation DeviceDefinition DeviceDispense DeviceMetric
    DeviceRequest DeviceUsage DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis
    Encounter EncounterHistory Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceReport
    EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag FormularyItem GenomicStudy Goal GraphDefinition
    Group GuidanceResponse HealthcareService ImagingSelection ImagingStudy Immunization ImmunizationEvaluation
    ImmunizationRecommendation ImplementationGuide Ingredient InsurancePlan InsuranceProduct InventoryItem InventoryReport Invoice
    Library Linkage List Location ManufacturedItemDefinition Measure MeasureReport Media Medication MedicationAdministration
    MedicationDispense MedicationKnowledge MedicationOrder MedicationRequest MedicationStatement MedicinalProductDefinition
    MessageDefinition MessageHeader MolecularDefinition MolecularSequence NamingSystem NutritionIntake NutritionOrder
    NutritionProduct Observation ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation
    PackagedProductDefinition Parameters Patient PaymentNotice PaymentReconciliation Permission Person PersonalRelationship
    PlanDefinition Practitioner PractitionerRole Procedure ProcedureRequest Provenance Questionnaire QuestionnaireResponse
    ReferralRequest RegulatedAuthorization RelatedPerson RequestGroup RequestOrchestration Requirements ResearchDefinition
    ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter Sequence
    ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription SubscriptionStatus
    SubscriptionTopic Substance SubstanceDefinition SubstanceNucleicAcid SubstancePolymer SubstanceProtein
    SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task
    TerminologyCapabilities TestPlan TestReport TestScript Transport ValueSet VerificationResult VisionPrescription
    """.split()  # noqa: SIM905 - a list of 190 quoted names would fill two screens
)
"""Every type name of R4, R4B, R5 and the R6 ballots, with the few of DSTU2 and STU3 that servers still use."""

BY_LOWER_CASE = {name.lower(): name for name in RESOURCE_TYPES}
"""The names by the lower-case form that ``launch/<type>`` scopes use."""

_ID = re.compile(r"^[A-Za-z0-9\-.]{1,64}$")
_RELATIVE = re.compile(r"^([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/[A-Za-z0-9\-.]{1,64})?$")


def is_id(value: object) -> bool:
    """Whether a value is a FHIR id."""
    return isinstance(value, str) and bool(_ID.match(value))


def relative_reference(value: object) -> tuple[str, str] | None:
    """Type and id of a relative reference to a known type, or None."""
    match = _RELATIVE.match(value) if isinstance(value, str) else None
    return (match[1], match[2]) if match and match[1] in RESOURCE_TYPES else None
