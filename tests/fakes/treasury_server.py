"""The Treasury's CSV files of par yields, one for each year."""

from __future__ import annotations

from tests.fakes.provider_server import ProviderServer, Reply, Request

HEADER = 'Date,"1 Mo","1.5 Month","2 Mo","3 Mo","4 Mo","6 Mo","1 Yr","2 Yr","10 Yr","30 Yr"'


class FakeTreasury(ProviderServer):
    """`years` has the lines below the header of each year, newest first as the site has them."""

    def __init__(self) -> None:
        super().__init__()
        self.header = HEADER
        self.years: dict[int, list[str]] = {}
        self.route("GET", "/rates/daily-treasury-rates.csv/*", self._year)

    @property
    def url(self) -> str:
        return f"{self.base_url}/rates"

    def _year(self, request: Request) -> Reply:
        year = int(request.path.split("/")[-2])
        assert request.query["field_tdr_date_value"] == str(year)
        assert request.query["type"] == "daily_treasury_yield_curve"
        if year not in self.years:
            return Reply(b"<html>not found</html>", status=404)
        text = "\n".join([self.header, *self.years[year]])
        return Reply(text.encode(), headers={"Content-Type": "text/csv"})
