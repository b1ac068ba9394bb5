"""Imitations of vendors' servers by the embedded EHR: one data file each, and the code that reads them.

The plain server of the guide stays as it is; `smartlaunch.embedded_ehr.vendors.front` stands before it and speaks the vendor's addresses,
errors and pages.  ``NAME`` means a vendor with its apps as their developers first had them, ``NAME:SET`` with a set of changes to them.
"""

from smartlaunch.embedded_ehr.vendors.model import UnknownVendor, Vendor, choose, names

__all__ = ["UnknownVendor", "Vendor", "choose", "names"]
