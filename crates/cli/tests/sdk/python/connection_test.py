"""The requests of the plugin `microsoft_intune` 3.0.0 of InsightConnect when it tests its connection and finds a device.

The plugin is in no package index. This program sends what it sends and touches each property as it does: strings are
not checked for null. Prints what it saw as JSON.
"""

import json
import os
import sys

import requests

LOGIN = f"https://login.microsoftonline.com/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
DEVICES = "https://graph.microsoft.com/v1.0/deviceManagement/managedDevices"

bearer = "an expired one"


def sign_in() -> str:
    """An access token of the application."""
    form = {
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "client_secret": os.environ["AZURE_CLIENT_SECRET"],
        "scope": "https://graph.microsoft.com/.default",
        "grant_type": "client_credentials",
    }
    answer = requests.post(LOGIN, data=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    answer.raise_for_status()
    return answer.json().get("access_token")


def devices(**options) -> list:
    """The devices of the first page. A 401 leads to another token, and to the same request once more."""
    global bearer
    for _ in range(2):
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        answer = requests.get(DEVICES, params=options, headers=headers)
        if answer.status_code != 401:
            break
        bearer = sign_in()
    answer.raise_for_status()
    return answer.json().get("value", [])


def search(text: str, by: str) -> list:
    """The devices with that property, or else those of a user with that address or name."""
    found = devices(**{"$filter": f"{by} eq '{text}'"})
    if found:
        return found
    wanted = text.strip().lower()
    return [one for one in devices() if wanted in [one.get("emailAddress").lower(), one.get("userPrincipalName").lower()]]


seen = {
    "connectionTest": search("nonexistinguser@example.com", "emailAddress"),
    "byName": [one.get("id") for one in search(sys.argv[1], "deviceName")],
    "byEmail": [one.get("id") for one in search(sys.argv[2], "emailAddress")],
    "byUser": [one.get("id") for one in search(sys.argv[2].upper(), "deviceName")],
}
wanted = seen["byName"][0]
known = [one for one in devices() if wanted in [one.get("userId"), one.get("id")]]
seen["byId"] = [[one.get(key) for key in ("deviceName", "userId", "id", "emailAddress")] for one in known]
print(json.dumps(seen))
