"""The product, asked over gRPC on one channel. A time includes the server, the channel and the reading of the message."""

import base64

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ENUMS = ("Activity", "AgeBand", "Channel", "DurationBand", "DurationBucket", "Status", "SubTheme", "Theme")
SERVICE = "cra.v1.StatisticsService"


class Product:
    """The messages come from the descriptors of the contract, so that no code has to be generated."""

    name = "the product"

    def __init__(self, address, descriptors):
        self.pool = descriptor_pool.DescriptorPool()
        with open(descriptors, "rb") as file:
            for described in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                self.pool.Add(described)
        self.channel = grpc.insecure_channel(address)
        self.calls = {}

    def words(self):
        enums = {name: self.pool.FindEnumTypeByName(f"cra.v1.{name}") for name in ENUMS}
        return {
            name: {number: enum.values_by_number[number].name for number in sorted(enum.values_by_number)}
            for name, enum in enums.items()
        }

    def _message(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(f"cra.v1.{name}"))

    def request(self, method, encoded):
        return self._message(f"{method}Request").FromString(base64.b64decode(encoded))

    def ask(self, method, request):
        if method not in self.calls:
            self.calls[method] = self.channel.unary_unary(
                f"/{SERVICE}/{method}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=self._message(f"{method}Response").FromString,
            )
        return self.calls[method](request, timeout=60)


def figures(statistics):
    yield "cras", statistics.cras
    yield "acts", statistics.acts
    yield "returning_people", statistics.returning_people
    yield "workshop_participants", statistics.workshop_participants
    for name in ("individual", "workshop", "redirected"):
        yield f"follow_up.{name}", getattr(statistics.follow_up, name)
    for field in ("channels", "activities", "themes", "sub_themes", "durations", "ages", "statuses"):
        for line in getattr(statistics, field):
            yield f"{field}.{line.name}", line.count
    for line in statistics.time_spent:
        if line.name != "total":
            for bound in ("estimated", "minimum", "maximum"):
                yield f"time_spent.{line.name}.{bound}", getattr(line, f"{bound}_minutes")
    yield "entry_delay.median", statistics.entry_delay.median_days
    yield "entry_delay.p90", statistics.entry_delay.p90_days
    yield "entry_delay.same_day", statistics.entry_delay.same_day


def answer(method, response):
    """Numbers by their names, without those that are 0."""
    match method:
        case "GetStatistics":
            parts = [("", response.statistics)]
        case "GetTimeSeries":
            parts = [(getattr(point, "from")[:7], point.statistics) for point in response.points]
        case "ListBreakdown":
            assert not response.next_page_token, "the breakdown has another page"
            parts = [(row.code, row.statistics) for row in response.rows]
        case "GetCrossTable":
            cells = {
                ("", f"{row.name} {column}"): value
                for row in response.rows
                for column, value in zip(response.columns, row.values, strict=True)
            }
            return {name: value for name, value in cells.items() if value}
    return {(part, name): value for part, statistics in parts for name, value in figures(statistics) if value}
