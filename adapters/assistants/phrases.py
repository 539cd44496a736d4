"""What our own assistants say when no document says it: that they do not know, and hello.

A language that is not here falls back to English.
"""

from bridge.domain.texts import language

PHRASES: dict[str, dict[str, str]] = {
    "unknown": {
        "en": "I do not know the answer to that. I can answer common questions, or you can talk "
        "to a person.",
        "fr": "Je ne connais pas la réponse à cette question. Je réponds aux questions courantes, "
        "ou vous pouvez parler à une personne.",
        "de": "Darauf weiß ich keine Antwort. Ich beantworte häufige Fragen, oder Sie sprechen "
        "mit einem Menschen.",
        "es": "No sé la respuesta a eso. Puedo responder preguntas frecuentes, o puede hablar con "
        "una persona.",
        "it": "Non conosco la risposta. Posso rispondere alle domande più comuni, oppure può "
        "parlare con una persona.",
        "pt": "Não sei responder a isso. Respondo a perguntas frequentes, ou pode falar com uma "
        "pessoa.",
        "nl": "Daar weet ik het antwoord niet op. Ik beantwoord veelgestelde vragen, of u kunt met "
        "iemand spreken.",
        "zh": "这个问题我不知道答案。我可以回答常见问题，您也可以与人工客服交谈。",
        "ar": "لا أعرف الإجابة عن ذلك. يمكنني الإجابة عن الأسئلة الشائعة، أو يمكنك التحدث إلى شخص.",
    },
    "nothing_more": {
        "en": "I have nothing to add to what I said above. A person can look at it with you.",
        "fr": "Je n’ai rien à ajouter à ce que j’ai dit plus haut. Une personne peut regarder cela "
        "avec vous.",
        "de": "Mehr als das oben Gesagte weiß ich nicht. Ein Mensch kann sich das mit Ihnen "
        "ansehen.",
        "es": "No tengo nada que añadir a lo dicho arriba. Una persona puede verlo con usted.",
        "it": "Non ho altro da aggiungere a quanto detto sopra. Una persona può esaminarlo con "
        "lei.",
        "pt": "Não tenho mais a acrescentar ao que disse acima. Uma pessoa pode ver isso consigo.",
        "nl": "Ik kan niets toevoegen aan wat hierboven staat. Iemand kan er met u naar kijken.",
        "zh": "除了上面所说的，我没有更多信息。人工客服可以帮您查看。",
        "ar": "ليس لدي ما أضيفه إلى ما ذكرته أعلاه. يمكن لشخص أن ينظر في الأمر معك.",
    },
    "nearest": {
        "en": "The nearest questions I know:",
        "fr": "Les questions les plus proches que je connais :",
        "de": "Die nächstliegenden Fragen, die ich kenne:",
        "es": "Las preguntas más parecidas que conozco:",
        "it": "Le domande più vicine che conosco:",
        "pt": "As perguntas mais próximas que conheço:",
        "nl": "De vragen die ik ken en er het dichtst bij komen:",
        "zh": "我知道的最接近的问题：",
        "ar": "أقرب الأسئلة التي أعرفها:",
    },
    "hello": {
        "en": "Hello! I am an automated assistant. What would you like to know?",
        "fr": "Bonjour ! Je suis un assistant automatique. Que souhaitez-vous savoir ?",
        "de": "Guten Tag! Ich bin ein automatischer Assistent. Was möchten Sie wissen?",
        "es": "¡Hola! Soy un asistente automático. ¿Qué desea saber?",
        "it": "Buongiorno! Sono un assistente automatico. Che cosa desidera sapere?",
        "pt": "Olá! Sou um assistente automático. O que gostaria de saber?",
        "nl": "Hallo! Ik ben een automatische assistent. Wat wilt u weten?",
        "zh": "您好！我是自动助手。请问您想了解什么？",
        "ar": "مرحبًا! أنا مساعد آلي. ماذا تود أن تعرف؟",
    },
    "thanks": {
        "en": "You are welcome. Write again if there is anything else.",
        "fr": "Avec plaisir. Écrivez-moi si vous avez une autre question.",
        "de": "Gern geschehen. Schreiben Sie, wenn noch etwas ist.",
        "es": "De nada. Escriba si necesita algo más.",
        "it": "Prego. Scriva pure se c’è altro.",
        "pt": "De nada. Escreva se precisar de mais alguma coisa.",
        "nl": "Graag gedaan. Schrijf gerust als er nog iets is.",
        "zh": "不客气。如有其他问题，请继续留言。",
        "ar": "على الرحب والسعة. اكتب لنا إن احتجت إلى شيء آخر.",
    },
    "bye": {
        "en": "Goodbye, and come back any time.",
        "fr": "Au revoir, et à bientôt.",
        "de": "Auf Wiedersehen, bis zum nächsten Mal.",
        "es": "Adiós, hasta la próxima.",
        "it": "Arrivederci, a presto.",
        "pt": "Até à próxima.",
        "nl": "Tot ziens.",
        "zh": "再见，欢迎随时再来。",
        "ar": "إلى اللقاء، وأهلًا بك في أي وقت.",
    },
}


def phrase(key: str, locale: str) -> str:
    """Return the phrase `key` in the language of a locale."""
    return PHRASES[key][language(locale)]
