"""Sends an event by each of the bindings that CloudEvents' SDK for Python has for a queue's messages."""

import sys
from datetime import datetime, timezone

import pika
from cloudevents.core.bindings import amqp, rabbitmq
from cloudevents.core.v1.event import CloudEvent

url, queue = sys.argv[1:3]
attributes = {
    "id": "7",
    "source": "/till",
    "type": "apples.sold",
    "datacontenttype": "application/json",
    "time": datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=timezone.utc),
    "subject": "till-1",
    "sequence": "00041",
    "region": "eu",
    "urgent": True,
}
event = CloudEvent(attributes, {"apples": 3})

connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()


def publish(headers, content_type, body):
    properties = pika.BasicProperties(headers=headers, content_type=content_type)
    channel.basic_publish("", queue, body, properties)


for message in amqp.to_binary_event(event), amqp.to_structured_event(event):
    publish(message.application_properties, message.properties["content-type"], message.application_data)
for message in rabbitmq.to_binary_event(event), rabbitmq.to_structured_event(event):
    publish(message.headers, message.content_type, message.body)
connection.close()
