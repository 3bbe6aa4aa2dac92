"""XMP packets (ISO 16684-1), the XML that programs keep beside a picture: what may stay in them, and what is added."""

import re
from typing import Final, NamedTuple
from xml.dom import Node, minidom
from xml.parsers.expat import ExpatError

__all__ = ["Property", "cleaned", "with_property"]

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EMPTY: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
)
_BEGIN: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END: Final = '<?xpacket end="r"?>'

#: So many letters of base64 without a comma or a full stop are no words but data: thumbnails are kept in XMP so.
_DATA: Final = re.compile(r"[A-Za-z0-9+/=_-]{512}")


class Property(NamedTuple):
    """The name of a simple property."""

    namespace: str
    prefix: str
    name: str


#: How the picture is to be turned: pictures are stored upright here.
_ORIENTATION: Final = Property("http://ns.adobe.com/tiff/1.0/", "tiff", "Orientation")


def cleaned(packet: bytes) -> bytes | None:
    """``packet`` without embedded pictures (they may show a face), and without a turn; None where it is no XMP."""
    document = _parsed(packet)
    if document is None:
        return None
    _drop_data(document.documentElement)
    _drop(document, _ORIENTATION)
    return _packed(document)


def with_property(packet: bytes | None, added: Property, value: str) -> bytes:
    """``packet``, or a new one, with one simple property set to ``value``, in place of what it said there."""
    document = None if packet is None else _parsed(packet)
    if document is None:
        document = minidom.parseString(_EMPTY)  # noqa: S318  # our own text
    _drop(document, added)
    description = document.createElementNS(_RDF, "rdf:Description")
    description.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns:rdf", _RDF)
    description.setAttributeNS(_RDF, "rdf:about", _about(document))
    description.setAttributeNS("http://www.w3.org/2000/xmlns/", f"xmlns:{added.prefix}", added.namespace)
    description.setAttributeNS(added.namespace, f"{added.prefix}:{added.name}", value)
    document.getElementsByTagNameNS(_RDF, "RDF")[0].appendChild(description)
    return _packed(document)


def _parsed(packet: bytes) -> minidom.Document | None:
    if b"<!" in packet:  # a DOCTYPE has no business here, nor has what it may define
        return None
    try:
        document = minidom.parseString(packet.strip(b"\0 \t\r\n"))  # noqa: S318  # without a DOCTYPE nothing expands
    except (ExpatError, ValueError, LookupError):
        return None
    return document if document.getElementsByTagNameNS(_RDF, "RDF") else None


def _packed(document: minidom.Document) -> bytes:
    root = document.documentElement
    return f"{_BEGIN}{'' if root is None else root.toxml()}{_END}".encode()


def _about(document: minidom.Document) -> str:
    """All descriptions of a packet are about one thing, and must call it by one name."""
    names = (each.getAttributeNS(_RDF, "about") for each in document.getElementsByTagNameNS(_RDF, "Description"))
    return next(filter(None, names), "")


def _drop(document: minidom.Document, what: Property) -> None:
    """Remove a property, written as an attribute or as an element, wherever it is."""
    for element in list(document.getElementsByTagNameNS("*", "*")):
        if element.hasAttributeNS(what.namespace, what.name):
            element.removeAttributeNS(what.namespace, what.name)
        if (element.namespaceURI, element.localName) == (what.namespace, what.name) and element.parentNode is not None:
            element.parentNode.removeChild(element)


def _drop_data(root: minidom.Element | None) -> None:
    """Remove every attribute and every element whose own text is data rather than words."""
    waiting = [] if root is None else [root]
    while waiting:
        element = waiting.pop()
        for name, value in list(element.attributes.items()):
            if _is_data(value):
                element.removeAttribute(name)
        texts = [child for child in element.childNodes if child.nodeType in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)]
        if _is_data("".join(text.data for text in texts)):
            for text in texts:
                element.removeChild(text)
        waiting += [child for child in element.childNodes if isinstance(child, minidom.Element)]


def _is_data(text: str) -> bool:
    return bool(_DATA.search("".join(text.split())))
