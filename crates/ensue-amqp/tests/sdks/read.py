"""Prints what CloudEvents' SDK for Python makes of the messages in a queue, a line of JSON each."""

import json
import sys
from datetime import datetime

import pika
from cloudevents.core.bindings import amqp, rabbitmq
from cloudevents.core.formats.json import JSONFormat

url, queue, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def event(properties, body):
    headers, content_type = properties.headers or {}, properties.content_type
    if any(name.startswith("cloudEvents_") for name in headers):
        message = amqp.AMQPMessage({"content-type": content_type}, headers, body)
        return amqp.from_amqp(message, JSONFormat())
    message = rabbitmq.RabbitMQMessage(headers, content_type, body)
    return rabbitmq.from_rabbitmq(message, JSONFormat())


def text(value):
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def plain(data):
    return {"bytes": list(data)} if isinstance(data, bytes) else data


connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
for _ in range(count):
    _, properties, body = channel.basic_get(queue, auto_ack=True)
    read = event(properties, body)
    attributes = {name: text(value) for name, value in read.get_attributes().items()}
    print(json.dumps({"attributes": attributes, "data": plain(read.get_data())}))
connection.close()
